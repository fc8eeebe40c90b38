import type { Batch, KafkaMessage } from 'kafkajs';
import { createShare, type PartitionOffset } from './share.js';

const place = { topic: 't', partition: 0 };

const batchOf = (fetchedOffset: number, offsets: readonly number[], bytes = 10): Batch =>
  ({
    ...place,
    fetchedOffset: String(fetchedOffset),
    messages: offsets.map((offset) => ({ offset: String(offset), key: null, value: Buffer.alloc(bytes) })),
    lastOffset: () => String(offsets.at(-1)),
  }) as unknown as Batch;

const open = (settle: (record: KafkaMessage) => Promise<boolean> = () => Promise.resolve(true), atOnce = 1) => {
  const handled: number[] = [];
  const together: number[] = [];
  const sought: number[] = [];
  const wanted: boolean[] = [];
  const skipped: (readonly [number, number])[] = [];
  const share = createShare({
    start: [{ ...place, offset: 10 }],
    atOnce,
    settle: async (_, records) => {
      together.push(records.length);
      for (const [index, record] of records.entries()) {
        if (!(await settle(record))) return index;
        handled.push(Number(record.offset));
      }
      return records.length;
    },
    onSettled: () => undefined,
    onWanted: (_, is) => wanted.push(is),
    onSkipped: ({ offset }, next) => skipped.push([offset, next]),
    seek: ({ offset }: PartitionOffset) => sought.push(offset),
    stopping: new AbortController(),
    revoked: new AbortController(),
  });
  return { share, handled, together, sought, wanted, skipped };
};
const soon = () => new Promise((resolve) => setImmediate(resolve));

describe('A share', () => {
  it('handles what it takes in order, and says what may be committed', async () => {
    const { share, handled } = open();
    expect(share.accept(batchOf(10, [10, 11, 14]))).toBe('14');
    expect(share.accept(batchOf(15, [15]))).toBe('15');
    await soon();
    expect(handled).toEqual([10, 11, 14, 15]);
    expect(share.uncommitted()).toEqual([{ ...place, offset: 16 }]);
    share.committed([{ ...place, offset: 16 }]);
    expect(share.uncommitted()).toEqual([]);
  });

  it('refuses what was read from somewhere else, and wants it from where it stands', () => {
    const { share, sought } = open();
    expect(share.accept(batchOf(40, [40, 41]))).toBeUndefined();
    expect(share.accept(batchOf(3, [3]))).toBeUndefined();
    expect(share.accept(batchOf(3, [3]))).toBeUndefined();
    expect(sought).toEqual([10, 10, 10]);
    expect(share.accept(batchOf(10, [10]))).toBe('10');
  });

  it('believes in a gap that is still there when it is read again, and tells of it', async () => {
    const { share, handled, skipped } = open();
    expect(share.accept(batchOf(20, [20]))).toBeUndefined();
    expect(skipped).toEqual([]);
    expect(share.accept(batchOf(20, [20]))).toBe('20');
    expect(skipped).toEqual([[10, 20]]);
    await soon();
    expect(handled).toEqual([20]);
  });

  it('wants no more while it has enough, and more when it has worked some off', async () => {
    const gate = Promise.withResolvers<boolean>();
    const { share, wanted } = open(() => gate.promise);
    share.accept(batchOf(10, [10, 11, 12], 200 * 1024));
    expect(wanted).toEqual([false]);
    gate.resolve(true);
    await soon();
    expect(wanted).toEqual([false, true]);
  });

  it('hands over together what is there, and not more than it may', async () => {
    const { share, handled, together } = open(undefined, 3);
    share.accept(batchOf(10, [10, 11, 12, 13, 14]));
    await soon();
    expect(together).toEqual([3, 2]);
    expect(handled).toEqual([10, 11, 12, 13, 14]);
    expect(share.uncommitted()).toEqual([{ ...place, offset: 15 }]);
  });

  it('counts what was settled of what was handed over together', async () => {
    const { share, together } = open(({ offset }) => Promise.resolve(offset !== '12'), 5);
    share.accept(batchOf(10, [10, 11, 12, 13]));
    await soon();
    expect(together).toEqual([4]);
    expect(share.uncommitted()).toEqual([{ ...place, offset: 12 }]);
  });

  it('stands still at what is not settled', async () => {
    const { share, handled } = open(({ offset }) => Promise.resolve(offset !== '11'));
    share.accept(batchOf(10, [10, 11, 12]));
    await soon();
    expect(handled).toEqual([10]);
    expect(share.uncommitted()).toEqual([{ ...place, offset: 11 }]);
  });

  it('ends after what is in hand, and takes nothing more', async () => {
    const gate = Promise.withResolvers<boolean>();
    const { share, handled } = open(() => gate.promise);
    share.accept(batchOf(10, [10, 11]));
    const ended = share.end(1_000);
    expect(share.accept(batchOf(12, [12]))).toBeUndefined();
    gate.resolve(true);
    await ended;
    expect(handled).toEqual([10]);
  });
});
