import { Inject, Injectable, Logger } from '@nestjs/common';
import { messageOf } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import { CONFIGURATION, type Configuration, DATABASE, type Worker } from '@waybill/service-kit';
import { forgetChanges } from '../store/profile-changes.js';

const LOOK_MS = 3_600_000;

/** Deletes changes that streams had days to send: whoever was disabled, or away, for longer has lost them (docs/streams.md). */
@Injectable()
export class ForgetChanges implements Worker {
  private readonly log = new Logger('audience');
  private readonly stopping = new AbortController();
  private timer: NodeJS.Timeout | undefined;
  private forgetting: Promise<void> = Promise.resolve();

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(CONFIGURATION) private readonly configuration: Configuration,
  ) {}

  start(): void {
    const { changesKeptDays: days } = this.configuration;
    const forget = (): void => {
      this.forgetting = forgetChanges(this.database, days, this.stopping.signal).then(
        (forgotten) => forgotten > 0 && this.log.log(`${forgotten} changes older than ${days} days were deleted`),
        (error: unknown) => this.log.warn(`old changes are deleted later: ${messageOf(error)}`),
      ) as Promise<void>;
    };
    forget();
    this.timer = setInterval(forget, LOOK_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.stopping.abort();
    await this.forgetting;
  }
}
