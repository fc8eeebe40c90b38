import { createHash } from 'node:crypto';
import rhea from 'rhea';

export interface ReceivedEvent {
  readonly partition: number;
  /** Position in the partition, from 0. */
  readonly sequence: number;
  readonly partitionKey?: string;
  readonly body: Buffer;
  readonly properties: Readonly<Record<string, unknown>>;
  /** When it came in, as `performance.now()` tells it. */
  readonly at: number;
}

/** As far as we look at a message that rhea decoded. */
interface Decoded {
  readonly message_annotations?: Readonly<Record<string, unknown>>;
  readonly application_properties?: Readonly<Record<string, unknown>>;
  readonly body?: { readonly content: Buffer | readonly Buffer[] };
}

const PARTITION_KEY = 'x-opt-partition-key';

/** One message, or many in the data sections of one (message format 0x80013700). */
export interface Batch {
  readonly partitionKey: string | undefined;
  readonly events: readonly Buffer[];
}

const decode = (bytes: Buffer): Decoded => rhea.message.decode(bytes) as Decoded;

const sectionsOf = ({ body }: Decoded): readonly Buffer[] => {
  if (body === undefined) return [];
  return Array.isArray(body.content) ? (body.content as readonly Buffer[]) : [body.content as Buffer];
};

export const batchOf = (bytes: Buffer): Batch => {
  const envelope = decode(bytes);
  const key = envelope.message_annotations?.[PARTITION_KEY];
  return { partitionKey: typeof key === 'string' ? key : undefined, events: sectionsOf(envelope) };
};

interface Kept {
  readonly partition: number;
  readonly sequence: number;
  readonly partitionKey: string | undefined;
  readonly at: number;
  /** The encoded event; decoded only for who asks, since a benchmark keeps many. */
  readonly bytes: Buffer;
}

/** Partitions in memory. */
export class Hub {
  readonly createdAt = new Date();
  readonly #lengths: number[];
  readonly #kept: Kept[] = [];
  readonly #readers = new Set<() => void>();
  #turn = 0;

  constructor(
    readonly name: string,
    readonly partitions: number,
  ) {
    this.#lengths = Array.from({ length: partitions }, () => 0);
  }

  /** Keeps a batch whole, in one partition: the same for the same key, the next in turn without one. Answers which. */
  keep({ partitionKey, events }: Batch, partition = this.#partitionFor(partitionKey)): number {
    const at = performance.now();
    for (const bytes of events) {
      const sequence = this.#lengths[partition] ?? 0;
      this.#kept.push({ partition, sequence, partitionKey, at, bytes });
      this.#lengths[partition] = sequence + 1;
    }
    this.#readers.forEach((read) => read());
    return partition;
  }

  get size(): number {
    return this.#kept.length;
  }

  /** Lets go of the events; the numbers in partitions go on. */
  forget(): void {
    this.#kept.length = 0;
  }

  /** Calls back whenever a batch was kept, until the function that it answers is called. */
  onKept(read: () => void): () => void {
    this.#readers.add(read);
    return () => this.#readers.delete(read);
  }

  /** In the order of arrival. */
  events(): readonly ReceivedEvent[] {
    return this.#kept.map(({ bytes, partitionKey, ...place }) => {
      const event = decode(bytes);
      return {
        ...place,
        ...(partitionKey === undefined ? {} : { partitionKey }),
        body: Buffer.concat(sectionsOf(event)),
        properties: event.application_properties ?? {},
      };
    });
  }

  /** Not Azure's own hash, which is nobody's business: a key stays in its partition, and which one says nothing. */
  #partitionFor(key: string | undefined): number {
    if (key === undefined) return this.#turn++ % this.partitions;
    return createHash('sha256').update(key).digest().readUInt32BE(0) % this.partitions;
  }
}
