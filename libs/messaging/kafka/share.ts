import type { Batch, KafkaMessage } from 'kafkajs';
import { withinDeadline } from './deadline.js';

/** What is read ahead of a partition, at most one fetch of it more. */
const ENOUGH_BYTES = 512 * 1024;
/** What a handler whose signal was aborted gets to come to its end. */
const LAST_CALL_MS = 1_000;

/** One partition of a share. */
interface Held {
  readonly topic: string;
  readonly partition: number;
  /** Where reading goes on. */
  next: number;
  /** Everything before it is settled. */
  handled: number;
  committed: number;
  readonly queue: KafkaMessage[];
  bytes: number;
  /** A position that was refused once (see `accept`). */
  doubted: number | undefined;
  working: Promise<void> | undefined;
}

export interface PartitionOffset {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

export interface ShareOptions {
  /** Of each partition, the position to begin at. */
  readonly start: readonly PartitionOffset[];
  /** Records that are settled together, at most. */
  readonly atOnce: number;
  /** Answers how many are settled, counted from the first; when not all are, the partition stands still from then on. */
  readonly settle: (
    place: { readonly topic: string; readonly partition: number },
    records: readonly KafkaMessage[],
  ) => Promise<number>;
  /** Something was settled: there is an offset to commit. */
  readonly onSettled: () => void;
  /** Back-pressure: whether more of a partition is wanted. */
  readonly onWanted: (place: { readonly topic: string; readonly partition: number }, wanted: boolean) => void;
  /** Reading goes on at `next`, since nothing is left of what lay between. */
  readonly onSkipped: (position: PartitionOffset, next: number) => void;
  /** Reading is somewhere else than it should be. */
  readonly seek: (position: PartitionOffset) => void;
  readonly stopping: AbortController;
  readonly revoked: AbortController;
}

/** The partitions that a member has between two rebalances. One worker for each handles its messages in their order. */
export interface Share {
  /** Takes over what was read; answers the last offset that it took, or undefined when it took nothing. */
  accept(batch: Batch): string | undefined;
  /** What was settled and is not marked as committed. */
  uncommitted(): readonly PartitionOffset[];
  committed(offsets: readonly PartitionOffset[]): void;
  /** Lets the messages in hand end, for so long; then their signal is aborted. No further message is handled. */
  end(graceMs: number): Promise<void>;
  readonly isOver: boolean;
}

export const createShare = (options: ShareOptions): Share => {
  const { start, atOnce, settle, onSettled, onWanted, onSkipped, seek, stopping, revoked } = options;
  const held = new Map<string, Held>(
    start.map(({ topic, partition, offset }) => [
      `${topic}/${partition}`,
      {
        ...{ topic, partition, next: offset, handled: offset, committed: offset },
        ...{ queue: [], bytes: 0, doubted: undefined, working: undefined },
      },
    ]),
  );

  const work = async (partition: Held): Promise<void> => {
    const { queue } = partition;
    while (queue.length > 0 && !stopping.signal.aborted) {
      const records = queue.slice(0, atOnce);
      const settled = await settle(partition, records);
      const before = partition.bytes;
      for (const record of queue.splice(0, settled)) {
        partition.bytes -= sizeOf(record);
        partition.handled = Number(record.offset) + 1;
      }
      if (settled > 0) onSettled();
      if (before >= ENOUGH_BYTES && partition.bytes < ENOUGH_BYTES) onWanted(partition, true);
      if (settled < records.length) break;
    }
    partition.working = undefined;
  };

  return {
    /**
     * kafkajs may hand over what it asked for before a rebalance, from a position that is no longer right. Such a batch is
     * refused once and read again from the right one. A second time it is right: what lay between was removed by its age,
     * or held nothing but Kafka's own marks.
     */
    accept(batch) {
      const partition = held.get(`${batch.topic}/${batch.partition}`);
      if (partition === undefined || stopping.signal.aborted) return undefined;
      const { fetchedOffset } = batch as Batch & { readonly fetchedOffset: string };
      const from = Number(fetchedOffset);
      if (from !== partition.next && (from < partition.next || from !== partition.doubted)) {
        partition.doubted = from;
        seek({ ...partition, offset: partition.next });
        return undefined;
      }
      partition.doubted = undefined;
      if (from > partition.next) onSkipped({ ...partition, offset: partition.next }, from);
      for (const record of batch.messages) {
        partition.queue.push(record);
        partition.bytes += sizeOf(record);
      }
      const last = batch.lastOffset();
      partition.next = Number(last) + 1;
      if (partition.bytes >= ENOUGH_BYTES) onWanted(partition, false);
      partition.working ??= work(partition);
      return last;
    },

    uncommitted: () =>
      [...held.values()]
        .filter(({ handled, committed }) => handled > committed)
        .map(({ topic, partition, handled }) => ({ topic, partition, offset: handled })),

    committed(offsets) {
      for (const { topic, partition, offset } of offsets) {
        const one = held.get(`${topic}/${partition}`);
        if (one !== undefined) one.committed = Math.max(one.committed, offset);
      }
    },

    async end(graceMs) {
      stopping.abort();
      const inHand = Promise.all([...held.values()].map(async ({ working }) => working));
      await withinDeadline(inHand, graceMs).catch(() => undefined);
      revoked.abort();
      // A handler that does not heed its signal either is left behind; what it does will be done again.
      await withinDeadline(inHand, LAST_CALL_MS).catch(() => undefined);
    },

    get isOver() {
      return stopping.signal.aborted;
    },
  };
};

const sizeOf = ({ key, value }: KafkaMessage): number => (key?.length ?? 0) + (value?.length ?? 0) + 100;
