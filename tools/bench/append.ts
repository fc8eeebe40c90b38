import type { NewEvent } from '@waybill/event-store';
import { openPostgresEventStore } from '@waybill/event-store/postgres';
import { newId, streamName } from '@waybill/kernel';
import { openDatabase, openWakeups } from '@waybill/postgres';
import { openBenchServer } from './database.js';
import { alternate, type Bench, type Measured, rates } from './result.js';

const SECONDS = 2;

/** Appends of one event each, against one bare INSERT transaction per event into a plain table. */
export const append: Bench = async ({ rounds, progress }) => {
  const server = await openBenchServer();
  const { url } = await server.database();
  const database = await openDatabase({ url, schema: 'bench' });
  const wakeups = openWakeups(url);
  try {
    const store = await openPostgresEventStore({ database, wakeups });
    store.onAppended(() => undefined); // as in a service: somebody listens
    await database.pool.query(`
      create table bare (
        position bigint generated always as identity primary key, id uuid not null, stream text not null,
        type text not null, data json not null, metadata json not null, recorded_at timestamptz not null default now())`);

    const appendOne = async (): Promise<void> => {
      const event = newEvent();
      await store.append(streamName('bench', event.id), [event], { expected: 'no-stream' });
    };
    const insertOne = async (): Promise<void> => {
      const { id, type, data, metadata } = newEvent();
      await database.pool.query({
        name: 'bare',
        text: 'insert into bare (id, stream, type, data, metadata) values ($1, $2, $3, $4, $5)',
        values: [id, streamName('bench', id), type, JSON.stringify(data), JSON.stringify(metadata)],
      });
    };

    const measured: Measured[] = [];
    for (const writers of [1, 8]) {
      const timed = async (what: string, call: () => Promise<void>): Promise<number> => {
        const rate = await rateOf(writers, call);
        progress(`${what}, ${writers} at once: ${rate.toFixed(0)}/s`);
        return rate;
      };
      measured.push(
        rates({
          name: `append of one event, ${writers} ${writers === 1 ? 'writer' : 'writers'}`,
          ...(await alternate(
            rounds,
            () => timed('append', appendOne),
            () => timed('bare INSERT', insertOne),
          )),
          baselineName: 'bare INSERT transaction',
          budget: { kind: 'ratio', atLeast: 0.7 },
          unit: 'events/s',
        }),
      );
    }
    return measured;
  } finally {
    await wakeups.close();
    await database.close();
    await server.close();
  }
};

/** Calls per second of so many loops at once. */
const rateOf = async (writers: number, call: () => Promise<void>): Promise<number> => {
  const started = performance.now();
  const until = started + SECONDS * 1000;
  let calls = 0;
  const loop = async (): Promise<void> => {
    for (; performance.now() < until; calls += 1) await call();
  };
  await Promise.all(Array.from({ length: writers }, loop));
  return (calls * 1000) / (performance.now() - started);
};

/** About 200 bytes of data. */
const newEvent = (): NewEvent => ({
  id: newId(),
  type: 'PartPublished',
  data: { run: newId(), part: 17, rows: 250_000, bytes: 48_211_904, sha256: newId().replaceAll('-', '').repeat(2) },
  metadata: {
    tenant: 'acme',
    sandbox: 'prod',
    actor: 'bench',
    correlationId: newId(),
    causationId: newId(),
    occurredAt: '2026-01-02T03:04:05.678Z',
  },
});
