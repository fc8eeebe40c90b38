import type { EventBatch, EventOutcome, EventRecord } from '../port.js';
import { CLOSED, EventHubsFailure, toWaybillError } from './failure.js';
import { PackedBatch, type PackedEvent } from './packed-batch.js';
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
  readonly #added: EventRecord[] = [];

  constructor(
    private readonly batch: PackedBatch,
    private readonly links: RenewedLink,
  ) {}

  /** A record that is too large by what is counted beside its data alone is found `too-large` first in a batch, and `full` before. */
  add(record: EventRecord): 'added' | 'full' | 'too-large' {
    if (this.batch.tryAdd(eventDataOf(record))) {
      this.#added.push(record);
      return 'added';
    }
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
      const isLost = failure === undefined || isUnknown(failure);
      if (isLost) link.discard();
      // An answer that never came says nothing of any record.
      if (isLost || failure.concern === 'destination') throw toWaybillError(error);
      // The next link shows why this one was closed: a right that is gone, or nothing that lasts.
      if (failure.provider === CLOSED) await this.links.opened(signal);
      // Of many records one is to blame, and the service does not say which: its neighbours go through.
      if (failure.concern === 'refused' && this.records > 1) return this.#sendHalves(signal);
      const { provider, message, concern, waitMs } = failure;
      return this.#each({
        sent: false,
        code: provider,
        message,
        kind: concern,
        ...(waitMs === undefined ? {} : { waitMs }),
      });
    }
  }

  /** In their order: what follows a record that is to be tried again is to be tried again with it, lest it overtake. */
  async #sendHalves(signal: AbortSignal): Promise<readonly EventOutcome[]> {
    const middle = this.records >> 1;
    const first = await this.#partOf(this.#added.slice(0, middle)).send(signal);
    const left = this.#partOf(this.#added.slice(middle));
    const putOff = first.find((outcome) => !outcome.sent && outcome.kind !== 'refused');
    return [...first, ...(putOff ? left.#each(putOff) : await left.send(signal))];
  }

  #partOf(records: readonly EventRecord[]): HubBatch {
    const part = new HubBatch(new PackedBatch(this.batch.maxSizeInBytes, this.batch.partitionKey), this.links);
    for (const record of records) part.add(record);
    return part;
  }

  /** A request lands whole or not at all. */
  #each(outcome: EventOutcome): readonly EventOutcome[] {
    return Array.from({ length: this.records }, () => outcome);
  }
}
