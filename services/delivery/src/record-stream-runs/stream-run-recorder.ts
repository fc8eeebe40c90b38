import { setTimeout as sleep } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { DescribeDelivery } from '@waybill/contracts';
import { type CommandContext, isWaybillError, messageOf, newId, type Scope } from '@waybill/kernel';
import { acquireLease, type Database, type Lease, releaseLease } from '@waybill/postgres';
import { DATABASE, SERVICE, type Service, type Worker } from '@waybill/service-kit';
import { type CountedRedelivery, Redeliveries } from '../redeliver/redelivery-counts.js';
import type { RedeliveryCommand } from '../redelivery/index.js';
import { redeliveryStream, redeliveryStreamOf, streamRunStream, streamRunStreamOf } from '../stream.js';
import type { StreamRunCommand } from '../stream-run/index.js';
import { type StreamWindow, StreamWindows } from './stream-windows.js';

const LEASE_SECONDS = 15;
const LOOK_MS = 1_000;
/** Between two summaries of a run. */
const SUMMARY_MS = 5 * 60_000;

/**
 * Makes runs of what the senders count: one for each hour and destination, started, summed up from time to time, completed.
 * Redeliveries are completed by it too, once nothing waits for them.
 */
@Injectable()
export class StreamRunRecorder implements Worker {
  private readonly log = new Logger('stream runs');
  private readonly owner = newId();
  private readonly stopping = new AbortController();
  private lease: Lease | undefined;
  private work: Promise<void> = Promise.resolve();

  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(SERVICE) private readonly service: Service,
    @Inject(StreamWindows) private readonly windows: StreamWindows,
    @Inject(Redeliveries) private readonly redeliveries: Redeliveries,
  ) {}

  start(): void {
    this.work = this.goOn();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.work;
    if (this.lease) await releaseLease(this.database, this.lease);
  }

  private async goOn(): Promise<void> {
    while (!this.stopping.signal.aborted) {
      await this.look().catch((error: unknown) =>
        this.log.warn(`recording runs of streams failed and is tried again: ${messageOf(error)}`),
      );
      await sleep(LOOK_MS, undefined, { signal: this.stopping.signal }).catch(() => undefined);
    }
  }

  private async look(): Promise<void> {
    this.lease = await acquireLease(this.database, 'stream runs', this.owner, LEASE_SECONDS);
    if (!this.lease) return;
    for (const window of await this.windows.open()) {
      if (!this.stopping.signal.aborted) await this.record(window);
    }
    for (const redelivery of await this.redeliveries.finished()) {
      if (!this.stopping.signal.aborted) await this.complete(redelivery);
    }
  }

  private async record(window: StreamWindow): Promise<void> {
    const { runId, destinationId, counts, segmentIds, from, to, startedAt: at, toldAt } = window;
    if (toldAt === null) {
      const destinationName = await this.nameOf(window);
      const start = { runId, destinationId, destinationName, segmentIds, from, to, at };
      await this.execute(window, { type: 'StartStreamRun', ...start });
      await this.windows.told(window);
    }
    if (window.isOver) {
      await this.execute(window, { type: 'CompleteStreamRun', counts, at: new Date().toISOString() });
      await this.windows.close(window);
    } else if (toldAt !== null && Date.now() - Date.parse(toldAt) >= SUMMARY_MS) {
      await this.execute(window, { type: 'ReportStreamRun', counts, segmentIds });
      await this.windows.told(window);
    }
  }

  private async complete(redelivery: CountedRedelivery): Promise<void> {
    const { redeliveryId, counts } = redelivery;
    const context = contextOf({ ...redelivery, runId: redeliveryId });
    const command: RedeliveryCommand = { type: 'CompleteRedelivery', counts, at: context.at };
    await this.service.execute(redeliveryStream, redeliveryStreamOf(redeliveryId), command, context);
    await this.redeliveries.completed(redelivery);
  }

  /** As it is now; of one that was deleted meanwhile nothing is known. */
  private async nameOf(window: StreamWindow): Promise<string> {
    const { destinationId } = window;
    try {
      return (await this.service.ask(DescribeDelivery, { destinationId }, contextOf(window))).name;
    } catch (error) {
      if (isWaybillError(error) && error.kind === 'not-found') return '';
      throw error;
    }
  }

  private async execute(window: StreamWindow, command: StreamRunCommand): Promise<void> {
    await this.service.execute(streamRunStream, streamRunStreamOf(window.runId), command, contextOf(window));
  }
}

const contextOf = ({ runId, tenant, sandbox }: Pick<StreamWindow, 'runId' | keyof Scope>): CommandContext => ({
  tenant,
  sandbox,
  commandId: newId(),
  actor: 'delivery',
  at: new Date().toISOString(),
  correlationId: runId,
});
