import { WaybillError } from '@waybill/kernel';
import { deliver, type Delivery, settleInOrder } from './delivery.js';
import type { MessageHandler, Observation, OutgoingMessage, ReceivedMessage, SubscriptionOptions } from './port.js';

const message: ReceivedMessage = {
  tenant: 'acme',
  sandbox: 'prod',
  id: 'm1',
  type: 'waybill.test.ThingHappened.v1',
  source: '/waybill/test',
  subject: 'thing-1',
  key: 'acme/prod/thing-1',
  time: '2026-11-22T10:00:00Z',
  data: {},
  actor: 'tester',
  correlationId: 'c1',
  topic: 'waybill.test.events',
  partition: 2,
  offset: '7',
  attempt: 1,
};

const outage = () => Promise.reject(new WaybillError('store-away', 'unavailable', 'The store is away.'));
const defect = () => Promise.reject(new TypeError('x is undefined'));

/** One delivery, and what came of it. */
const run = async (
  handler: MessageHandler,
  options: Partial<SubscriptionOptions> = {},
  overrides: Partial<Delivery> = {},
) => {
  const published: OutgoingMessage[] = [];
  const observed: Observation[] = [];
  const signals = { stopping: new AbortController(), revoked: new AbortController() };
  const delivery: Delivery = {
    options: { group: 'reader', topics: [message.topic], backoffMs: 1, ...options },
    handler,
    publish: (messages) => {
      published.push(...messages);
      return Promise.resolve();
    },
    observe: (observation) => observed.push(observation),
    ...overrides,
  };
  const outcome = deliver(delivery, message, { stopping: signals.stopping.signal, revoked: signals.revoked.signal });
  return { outcome, published, observed, signals };
};

describe('a delivery', () => {
  it('is settled when the handler resolves', async () => {
    const { outcome, observed } = await run(() => Promise.resolve());
    expect(await outcome).toBe(true);
    expect(observed).toEqual([]);
  });

  it('ends as a dead letter after five attempts, unless told otherwise', async () => {
    const { outcome, published, observed } = await run(defect);
    expect(await outcome).toBe(true);
    expect(observed.map(({ kind }) => kind)).toEqual(['retrying', 'retrying', 'retrying', 'retrying', 'dead-lettered']);
    expect(published).toHaveLength(1);
    expect(published[0]).toMatchObject({
      topic: 'waybill.test.events.reader.dlq',
      id: 'm1',
      deadLetter: { slug: 'unexpected-error', reason: 'x is undefined', attempts: 5, partition: 2, offset: '7' },
    });
    expect(published[0]).not.toHaveProperty('attempt');
  });

  it('ends as a dead letter at once when no retry mends the message', async () => {
    const malformed = () => Promise.reject(new WaybillError('message-malformed', 'malformed', 'It has no name.'));
    const { outcome, published, observed } = await run(malformed);
    expect(await outcome).toBe(true);
    expect(observed.map(({ kind }) => kind)).toEqual(['dead-lettered']);
    expect(published).toMatchObject([{ deadLetter: { slug: 'message-malformed', attempts: 1 } }]);
  });

  it('outlasts an outage longer than its attempts, but not longer than its patience', async () => {
    const patient = await run(outage, { attempts: 2, patienceMs: 60_000 });
    await until(() => patient.observed.length > 5);
    expect(patient.published).toEqual([]);
    patient.signals.stopping.abort();
    expect(await patient.outcome).toBe(false);

    const impatient = await run(outage, { attempts: 2, patienceMs: 0 });
    expect(await impatient.outcome).toBe(true);
    expect(impatient.published).toMatchObject([{ deadLetter: { slug: 'store-away', attempts: 2 } }]);
  });

  it('is not settled before its dead letter is durable', async () => {
    let failures = 2;
    const kept: OutgoingMessage[] = [];
    const { outcome, observed } = await run(
      defect,
      { attempts: 1 },
      {
        publish: (messages) => {
          if (failures-- > 0) return Promise.reject(new Error('the bus is away'));
          kept.push(...messages);
          return Promise.resolve();
        },
      },
    );
    expect(await outcome).toBe(true);
    expect(kept).toHaveLength(1);
    expect(observed.map(({ kind }) => kind)).toEqual(['failed', 'failed', 'dead-lettered']);
  });

  it('is not settled when it is told to stop between two attempts', async () => {
    const { outcome, observed, signals } = await run(defect, { backoffMs: 60_000 });
    await until(() => observed.length === 1);
    signals.stopping.abort();
    expect(await outcome).toBe(false);
  });

  it('is not settled when the right to it was lost, whatever the handler did', async () => {
    for (const handler of [() => Promise.resolve(), defect]) {
      const gate = Promise.withResolvers<void>();
      const { outcome, published, signals } = await run(() => gate.promise.then(handler), { attempts: 1 });
      signals.revoked.abort();
      gate.resolve();
      expect(await outcome).toBe(false);
      expect(published).toEqual([]);
    }
  });

  it('keeps a reason short', async () => {
    const { outcome, published } = await run(() => Promise.reject(new Error('x'.repeat(50_000))), { attempts: 1 });
    await outcome;
    expect(published[0]?.deadLetter?.reason).toHaveLength(1_000);
  });
});

describe('items that are settled together', () => {
  /** What was tried, and what became of `items` when these are bad. */
  const settling = async (items: readonly number[], bad: readonly number[], signals = neverOver()) => {
    const tried: (number | readonly number[])[] = [];
    const settled = await settleInOrder(
      items,
      {
        alone: (item) => Promise.resolve(tried.push(item) > 0),
        together: (some) => {
          tried.push(some);
          return some.some((item) => bad.includes(item)) ? defect() : Promise.resolve();
        },
      },
      signals,
    );
    return { settled, tried };
  };
  const neverOver = () => ({ stopping: new AbortController().signal, revoked: new AbortController().signal });

  it('are handed over once when none is bad', async () => {
    expect(await settling([1, 2, 3], [])).toEqual({ settled: 3, tried: [[1, 2, 3]] });
    expect(await settling([1], [])).toEqual({ settled: 1, tried: [1] });
  });

  it('are halved, in their order, until a bad one is alone', async () => {
    const { settled, tried } = await settling([1, 2, 3, 4, 5, 6, 7, 8], [6]);
    expect(settled).toBe(8);
    expect(tried).toEqual([[1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4], [5, 6, 7, 8], [5, 6], 5, 6, [7, 8]]);
  });

  it('wait for the end of an outage with the first, and go together again', async () => {
    let away = true;
    const tried: (number | readonly number[])[] = [];
    const settled = await settleInOrder(
      [1, 2, 3],
      {
        alone: (item) => {
          away = false;
          return Promise.resolve(tried.push(item) > 0);
        },
        together: (some) => (tried.push(some), away ? outage() : Promise.resolve()),
      },
      neverOver(),
    );
    expect({ settled, tried }).toEqual({ settled: 3, tried: [[1, 2, 3], 1, [2, 3]] });
  });

  it('are counted up to the one that is not settled', async () => {
    const rejecting = () => defect();
    const alone = (item: number) => Promise.resolve(item !== 3);
    expect(await settleInOrder([1, 2, 3, 4], { alone, together: rejecting }, neverOver())).toBe(2);
  });

  it('are not settled when the right to them was lost', async () => {
    expect(await settling([1, 2, 3], [], { ...neverOver(), revoked: AbortSignal.abort() })).toMatchObject({
      settled: 0,
    });
    expect(await settling([1, 2], [], { ...neverOver(), stopping: AbortSignal.abort() })).toEqual({
      settled: 0,
      tried: [],
    });
  });
});

const until = async (holds: () => boolean): Promise<void> => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
};
