import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Database } from '@waybill/postgres';
import { DATABASE, type Worker } from '@waybill/service-kit';
import { grantExport } from './export-view.js';

/** At each start, the role that delivery reads with is made and granted the view, where this user may make roles. */
@Injectable()
export class GrantExport implements Worker {
  private readonly log = new Logger('audience');

  constructor(@Inject(DATABASE) private readonly database: Database) {}

  async start(): Promise<void> {
    const warning = await grantExport(this.database);
    if (warning !== undefined) this.log.warn(warning);
  }

  async stop(): Promise<void> {
    // it has ended with the start
  }
}
