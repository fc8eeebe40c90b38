import { Inject, Injectable, Logger } from '@nestjs/common';
import { messageOf } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import { DATABASE, type Executed, type Worker } from '@waybill/service-kit';
import type { SegmentState } from '../segment/index.js';
import { Segments } from '../segments.js';
import { loadsToRecord, type LoadToRecord, markRecorded } from './loads.js';

const LOOK_MS = 10_000;

/**
 * Brings the event of each load into the log, exactly once: right after the load, and for a process that ended in between
 * by looking for what was left. The rows may be in another database than the log, so that they cannot be one transaction.
 */
@Injectable()
export class LoadRecorder implements Worker {
  private readonly log = new Logger('audience');
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> = Promise.resolve();

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(Segments) private readonly segments: Segments,
  ) {}

  async record({ context, segmentId, mode, result }: LoadToRecord): Promise<Executed<SegmentState>> {
    const { rejections: _, ...counts } = result;
    const { expectedRevision: __, ...whenever } = context;
    const load = { mode, ...counts };
    const executed = await this.segments.execute(segmentId, { type: 'RecordLoad', load }, whenever);
    await markRecorded(this.database, context.commandId);
    return executed;
  }

  start(): void {
    const look = (): void => {
      this.looking = this.recordLeftOver().catch((error: unknown) =>
        this.log.warn(`loads are recorded later: ${messageOf(error)}`),
      );
    };
    look();
    this.timer = setInterval(look, LOOK_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.timer);
    await this.looking;
  }

  private async recordLeftOver(): Promise<void> {
    for (const load of await loadsToRecord(this.database)) await this.record(load);
  }
}
