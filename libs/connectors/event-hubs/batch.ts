import type { EventBatch, EventOutcome, EventRecord } from '../port.js';
import { CLOSED, EventHubsFailure, toWaybillError } from './failure.js';
import type { PackedBatch, PackedEvent } from './packed-batch.js';
import type { RenewedLink } from './renewed-link.js';

/** The application property that holds the key of a record: the partition key is that of the bucket. */
export const KEY_PROPERTY = 'record-key';

const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

export const eventDataOf = ({ key, data, properties }: EventRecord): PackedEvent => ({
  body: bufferOf(data),
  properties: { ...properties, [KEY_PROPERTY]: key },
});

/** What could have reached the service though it did not say so. */
const isUnknown = ({ code }: EventHubsFailure): boolean => code === 'timed-out' || code === 'unreachable';

/** Records are encoded as they are added, so that they count to the byte. */
export class HubBatch implements EventBatch {
  constructor(
    private readonly batch: PackedBatch,
    private readonly links: RenewedLink,
  ) {}

  /** A record that is too large by what is counted beside its data alone is found `too-large` first in a batch, and `full` before. */
  add(record: EventRecord): 'added' | 'full' | 'too-large' {
    if (this.batch.tryAdd(eventDataOf(record))) return 'added';
    return this.batch.count === 0 || record.data.length > this.batch.maxSizeInBytes ? 'too-large' : 'full';
  }

  get records(): number {
    return this.batch.count;
  }

  get bytes(): number {
    return this.batch.sizeInBytes;
  }

  async send(signal: AbortSignal): Promise<readonly EventOutcome[]> {
    if (this.records === 0) return [];
    const link = await this.links.opened(signal);
    try {
      await link.send(this.batch, signal);
      return this.#each({ sent: true });
    } catch (error) {
      const failure = error instanceof EventHubsFailure ? error : undefined;
      // Nobody waits for its answer any more, and what is sent again must not be overtaken by it.
      if (failure === undefined || isUnknown(failure)) link.discard();
      if (failure === undefined || failure.concern === 'destination') throw toWaybillError(error);
      // The next link shows why this one was closed: a right that is gone, or nothing that lasts.
      if (failure.provider === CLOSED) await this.links.opened(signal);
      return this.#each(this.#outcomeOf(failure, failure.concern));
    }
  }

  #outcomeOf(failure: EventHubsFailure, concern: 'throttled' | 'failed' | 'refused'): EventOutcome {
    const { provider, message, waitMs } = failure;
    return {
      sent: false,
      code: provider,
      message: isUnknown(failure) ? `${message} Whether it arrived is unknown.` : message,
      // Of many records one may be to blame, and the service does not say which.
      kind: concern === 'refused' && this.records > 1 ? 'failed' : concern,
      ...(waitMs === undefined ? {} : { waitMs }),
    };
  }

  /** A batch lands whole or not at all. */
  #each(outcome: EventOutcome): readonly EventOutcome[] {
    return Array.from({ length: this.records }, () => outcome);
  }
}
