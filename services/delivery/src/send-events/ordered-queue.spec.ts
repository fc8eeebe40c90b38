import type { EventBatch, EventRecord } from '@waybill/connectors';
import fc from 'fast-check';
import type { Priority } from './feed.js';
import { OrderedQueue, QueuedRecord } from './ordered-queue.js';
import { OpenPage } from './page-window.js';
import { eventOf } from './testing/memory-feed.js';

const page = () => new OpenPage({ events: [], reached: '', more: false, leftOut: {} });

const requestOf = (most: number): EventBatch => {
  const records: EventRecord[] = [];
  return {
    add(record) {
      if (records.length === most) return 'full';
      records.push(record);
      return 'added';
    },
    get records() {
      return records.length;
    },
    bytes: 0,
    send: () => Promise.resolve([]),
  };
};

let changes = 0;
const recordOf = (profile: string, key: string, priority: Priority) =>
  new QueuedRecord(eventOf(profile, (changes += 1), key), priority, '', page());

/** What a sender does with it: a live change makes needless what waits of its profile in the slow lane. */
const add = (queue: OrderedQueue, record: QueuedRecord): readonly QueuedRecord[] => {
  const needless = record.priority === 'live' ? queue.neededNoMore(record.event.profileId, record.event.change) : [];
  for (const older of needless) queue.settle(older);
  queue.add(record);
  return needless;
};

const take = (queue: OrderedQueue, lane: Priority, most = 10): readonly QueuedRecord[] => {
  const bucket = queue.nextBucket(lane);
  return bucket === undefined ? [] : queue.fill(requestOf(most), lane, bucket).taken;
};

const profile = fc.constantFrom('p1', 'p2', 'p3', 'p4');
const lane = fc.constantFrom<Priority>('live', 'slow');
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant('add' as const), profile, key: fc.constantFrom('a', 'b'), lane }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('take' as const), lane, most: fc.integer({ min: 1, max: 4 }) }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant('answer' as const), settled: fc.array(fc.boolean(), { maxLength: 4 }) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('wake' as const) }) },
);

describe('The queue of a destination', () => {
  it.each([false, true])(
    'lets no record go before an earlier one of its key or its profile, whatever is superseded (atomic: %s)',
    (atomic) => {
      fc.assert(
        fc.property(fc.array(step, { maxLength: 80, size: 'max' }), (steps) => {
          const queue = new OrderedQueue(atomic);
          let open: QueuedRecord[] = [];
          const underWay: (readonly QueuedRecord[])[] = [];
          const leave = (gone: readonly QueuedRecord[]) => (open = open.filter((one) => !gone.includes(one)));
          const expectInOrder = (taken: readonly QueuedRecord[]) =>
            taken.forEach((record, at) => {
              const ahead = atomic ? taken.slice(0, at) : [];
              const earlier = open.slice(0, open.indexOf(record)).filter((one) => !ahead.includes(one));
              const inItsWay = earlier.filter(
                ({ event, priority }) =>
                  event.profileId === record.event.profileId ||
                  (priority === record.priority && event.key === record.event.key),
              );
              expect(inItsWay).toEqual([]);
            });
          const takeSome = (of: Priority, most: number) => {
            const taken = take(queue, of, most);
            expectInOrder(taken);
            if (taken.length > 0) underWay.push(taken);
          };
          const answer = (settled: readonly boolean[]) => {
            // A batch that lands whole, or is taken apart, leaves no gap.
            const isSettled = (at: number) =>
              atomic ? settled.slice(0, at + 1).every(Boolean) && at < settled.length : (settled[at] ?? false);
            underWay.shift()?.forEach((record, at) => {
              if (isSettled(at)) {
                queue.settle(record);
                leave([record]);
              } else queue.rest(record, 0);
            });
          };
          for (const one of steps) {
            if (one.do === 'add') {
              const record = recordOf(one.profile, one.key, one.lane);
              leave(add(queue, record));
              open.push(record);
            } else if (one.do === 'take') takeSome(one.lane, one.most);
            else if (one.do === 'answer') answer(one.settled);
            else queue.wake(1);
          }
          // All of it gets out in the end.
          for (let left = 1_000; open.length > 0 && left > 0; left -= 1) {
            while (underWay.length > 0) answer(Array<boolean>(10).fill(true));
            queue.wake(1);
            takeSome('live', 10);
            takeSome('slow', 10);
          }
          expect(open).toEqual([]);
          expect(queue.holds('live')).toEqual({ records: 0, bytes: 0 });
          expect(queue.holds('slow')).toEqual({ records: 0, bytes: 0 });
        }),
        { numRuns: 1_000 },
      );
    },
  );

  it('lets a live change of a profile pass what was in the way of its superseded record by its key alone', () => {
    const queue = new OrderedQueue(false);
    const [first, second, third] = ['p1', 'p2', 'p3'].map((id) => recordOf(id, 'k', 'slow'));
    for (const record of [first!, second!, third!]) add(queue, record);
    for (const record of take(queue, 'slow')) queue.rest(record, 1_000);
    const live = recordOf('p2', 'k', 'live');
    expect(add(queue, live)).toEqual([second]);
    expect(take(queue, 'slow')).toEqual([]);
    expect(take(queue, 'live')).toEqual([live]);
    queue.wake(1_000);
    expect(take(queue, 'slow')).toEqual([first]);
    queue.settle(first!);
    expect(take(queue, 'slow')).toEqual([third]);
  });
});
