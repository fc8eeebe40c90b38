import { checkCommit, type Expected } from './commit-check.js';
import { DELETED, metadataEvent, metastreamOf, retentionOf } from './retention.js';
import type { ProposedEvent, StoredEvent, StoredStream } from './stored.js';

export type Appended =
  | { readonly outcome: 'stored' | 'stored before'; readonly revision: bigint; readonly position: bigint }
  | { readonly outcome: 'conflict'; readonly current: bigint | undefined }
  | { readonly outcome: 'deleted' };

/** What a record takes in the log besides its data. */
const RECORD_BYTES = 100;

const TOMBSTONE_REVISION = 2n ** 63n - 1n;

const newStream = (): StoredStream => ({ events: [] });

/** Streams, and `$all` across them, in memory. It outlives the server that serves it: a restart loses nothing. */
export class EventLog {
  /** `$all`: every event in the order it was stored, system events and those of deleted streams among them. */
  readonly events: StoredEvent[] = [];
  readonly #streams = new Map<string, StoredStream>();
  readonly #byId = new Map<string, StoredEvent>();
  readonly #waiting = new Set<() => void>();
  #end = 0n;

  constructor() {
    // A log is never empty: a server writes for itself first.
    this.#store('$users', [{ ...metadataEvent({}), type: '$User' }]);
  }

  stream(name: string): StoredStream | undefined {
    return this.#streams.get(name);
  }

  /** What readers of a stream see of it: undefined when it does not exist or is softly deleted. */
  visible(name: string): readonly StoredEvent[] | undefined {
    const first = this.firstVisible(name);
    return first === undefined ? undefined : this.#streams.get(name)?.events.slice(first);
  }

  /** The revision that readers of a stream begin at; one beyond the last when nothing is left. */
  firstVisible(name: string): number | undefined {
    const { events } = this.#streams.get(name) ?? newStream();
    const { truncateBefore, maxCount, maxAgeSeconds } = retentionOf(this.#streams.get(metastreamOf(name)));
    if (events.length === 0 || truncateBefore === DELETED) return undefined;
    const first = Math.max(truncateBefore, maxCount === undefined ? 0 : events.length - maxCount);
    if (maxAgeSeconds === undefined) return first;
    const oldest = ticks() - BigInt(maxAgeSeconds) * 10_000_000n;
    const young = events.findIndex(({ created, revision }) => Number(revision) >= first && created >= oldest);
    return young === -1 ? events.length : young;
  }

  append(name: string, expected: Expected, proposed: readonly ProposedEvent[]): Appended {
    const check = checkCommit({
      stream: this.#streams.get(name),
      softlyDeleted: retentionOf(this.#streams.get(metastreamOf(name))).truncateBefore === DELETED,
      expected,
      proposed,
      storedAs: (id) => {
        const event = this.#byId.get(id);
        return event?.stream === name ? event : undefined;
      },
    });
    if (check.decision === 'deleted') return { outcome: 'deleted' };
    if (check.decision === 'conflict') return { outcome: 'conflict', current: check.current };
    if (check.decision === 'repeat') {
      return { outcome: 'stored before', revision: check.last.revision, position: check.last.position };
    }
    if (check.reopens) {
      // What was deleted stays hidden, what comes now is seen.
      const { length } = this.#streams.get(name)?.events ?? [];
      this.#store(metastreamOf(name), [metadataEvent({ $tb: length })]);
    }
    const last = this.#store(name, proposed);
    const { length } = this.#streams.get(name)?.events ?? [];
    return { outcome: 'stored', revision: BigInt(Math.max(length - 1, 0)), position: last?.position ?? this.#end };
  }

  /** A deletion that the next append undoes, revisions going on. */
  deleteSoftly(name: string, expected: Expected): Appended {
    const refusal = this.#refuseDeletion(name, expected);
    if (refusal) return refusal;
    const last = this.#store(metastreamOf(name), [metadataEvent(`{"$tb":${TOMBSTONE_REVISION}}`)]);
    return { outcome: 'stored', revision: 0n, position: last?.position ?? this.#end };
  }

  /** A deletion for ever. */
  tombstone(name: string, expected: Expected): Appended {
    const refusal = this.#refuseDeletion(name, expected);
    if (refusal) return refusal;
    const event = this.#record(name, TOMBSTONE_REVISION, { ...metadataEvent({}), type: '$streamDeleted' });
    this.#streamNamed(name).tombstone = event;
    this.#wake();
    return { outcome: 'stored', revision: event.revision, position: event.position };
  }

  /** A restarted server knows no more which ids it took lately, and takes them again from one who expects nothing. */
  forgetIds(): void {
    this.#byId.clear();
  }

  /** Resolves when there are more events than so many, or at the signal. */
  async growsBeyond(count: number, signal: AbortSignal): Promise<void> {
    if (this.events.length > count || signal.aborted) return;
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  #refuseDeletion(name: string, expected: Expected): Appended | undefined {
    const stream = this.#streams.get(name);
    if (stream?.tombstone) return { outcome: 'deleted' };
    const current = stream && stream.events.length > 0 ? BigInt(stream.events.length - 1) : undefined;
    if (current === undefined) return { outcome: 'conflict', current };
    return typeof expected === 'bigint' && expected !== current ? { outcome: 'conflict', current } : undefined;
  }

  #streamNamed(name: string): StoredStream {
    const stream = this.#streams.get(name) ?? newStream();
    this.#streams.set(name, stream);
    return stream;
  }

  /** Answers the last one. */
  #store(name: string, proposed: readonly ProposedEvent[]): StoredEvent | undefined {
    if (proposed.length === 0) return undefined;
    const { events } = this.#streamNamed(name);
    for (const event of proposed) events.push(this.#record(name, BigInt(events.length), event));
    this.#wake();
    return events.at(-1);
  }

  #record(stream: string, revision: bigint, proposed: ProposedEvent): StoredEvent {
    const event = { ...proposed, stream, revision, position: this.#end, created: ticks() };
    this.#end += BigInt(RECORD_BYTES + event.data.length + event.metadata.length);
    this.events.push(event);
    this.#byId.set(event.id, event);
    return event;
  }

  #wake(): void {
    for (const wake of this.#waiting) wake();
  }
}

const ticks = (): bigint => BigInt(Date.now()) * 10_000n;
