import { Inject, Injectable, Logger } from '@nestjs/common';
import { dueSlot } from '@waybill/contracts';
import { idFrom, messageOf, newId } from '@waybill/kernel';
import { acquireLease, type Database, type Lease, releaseLease } from '@waybill/postgres';
import { DATABASE, type Worker } from '@waybill/service-kit';
import { Activations, type ScheduledSegment } from '../activations/activations.js';
import { Runs } from '../list-runs/runs.js';

const LEASE_SECONDS = 15;
const LOOK_MS = 1_000;

/**
 * Requests a run when a slot is due. The run's id follows from the slot, so a slot runs once, whoever is the scheduler; slots
 * missed while nobody was there run once, as the latest of them.
 */
@Injectable()
export class Scheduler implements Worker {
  private readonly log = new Logger('scheduler');
  private readonly owner = newId();
  private lease: Lease | undefined;
  private looking: Promise<void> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(Activations) private readonly activations: Activations,
    @Inject(Runs) private readonly runs: Runs,
  ) {}

  start(): void {
    const next = () => {
      this.looking = this.look()
        .catch((error: unknown) =>
          this.log.warn(`looking for due slots failed and is tried again: ${messageOf(error)}`),
        )
        .finally(() => {
          if (this.timer) this.timer = setTimeout(next, LOOK_MS);
        });
    };
    this.timer = setTimeout(next, 0);
  }

  async stop(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    await this.looking;
    if (this.lease) await releaseLease(this.database, this.lease);
  }

  private async look(): Promise<void> {
    this.lease = await acquireLease(this.database, 'scheduler', this.owner, LEASE_SECONDS);
    if (!this.lease) return;
    const now = new Date().toISOString();
    for (const segment of await this.activations.scheduled()) {
      const slot = dueSlot(segment.schedule, segment.since, now);
      if (slot !== null) await this.request(segment, slot, now);
    }
  }

  private async request(segment: ScheduledSegment, slot: string, at: string): Promise<void> {
    const { tenant, sandbox, destinationId, segmentId, schedule } = segment;
    const runId = idFrom('run', destinationId, segmentId, slot);
    await this.runs.request(
      { runId, destinationId, segmentId, mode: schedule.mode, trigger: { kind: 'schedule', slot }, at },
      { tenant, sandbox, commandId: idFrom(runId, 'request'), actor: 'scheduler', at, correlationId: runId },
    );
    await this.activations.taken(segment, slot);
  }
}
