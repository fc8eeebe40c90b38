import type { NewEvent } from '@waybill/event-store';
import { openPostgresEventStore } from '@waybill/event-store/postgres';
import { newId, streamName } from '@waybill/kernel';
import { openDatabase, openWakeups } from '@waybill/postgres';
import { openBenchServer } from './database.js';
import { type Bench, type Measured, median, rates } from './result.js';

/** Appends of one event each, against one bare INSERT transaction per event into the same table. */
export const append: Bench = async ({ rounds, progress }) => {
  const server = await openBenchServer();
  const { url } = await server.database();
  const database = await openDatabase({ url, schema: 'bench' });
  const wakeups = openWakeups(url);
  try {
    const store = await openPostgresEventStore({ database, wakeups });
    store.onAppended(() => undefined); // as in a service: somebody listens
    await database.pool.query(
      'create table bare (like events including all); create sequence bare_positions owned by bare.position',
    );

    const appendOne = async (): Promise<void> => {
      const event = newEvent();
      await store.append(streamName('bench', event.id), [event], { expected: 'no-stream' });
    };
    const insertOne = async (): Promise<void> => {
      const { id, type, data, metadata } = newEvent();
      await database.pool.query({
        name: 'bare',
        text: `insert into bare (position, stream, revision, id, type, data, metadata, recorded_at)
               values (nextval('bare_positions'), $1, 0, $2, $3, $4, $5, now())`,
        values: [streamName('bench', id), id, type, JSON.stringify(data), JSON.stringify(metadata)],
      });
    };

    const measured: Measured[] = [];
    for (const writers of [1, 8]) {
      const taken = await inTurns(rounds, writers, appendOne, insertOne, progress);
      measured.push(
        rates({
          name: `append of one event, ${writers} ${writers === 1 ? 'writer' : 'writers'}`,
          ...taken,
          baselineName: 'bare INSERT transaction, same table',
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

/** A flush takes as long as the disk has other things to do: sides that change places often meet the same disk. */
const SLICES = 12;
const SLICE_MS = 200;

type Call = () => Promise<void>;

const inTurns = async (
  rounds: number,
  writers: number,
  ours: Call,
  baseline: Call,
  progress: (line: string) => void,
) => {
  const taken: { ours: number; baseline: number }[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const slices: { ours: number; baseline: number }[] = [];
    for (let slice = 0; slice < SLICES; slice += 1) {
      slices.push({ baseline: await rateOf(writers, baseline), ours: await rateOf(writers, ours) });
    }
    const mean = (side: 'ours' | 'baseline') => slices.reduce((sum, slice) => sum + slice[side], 0) / SLICES;
    taken.push({ ours: mean('ours'), baseline: mean('baseline') });
    progress(`${writers} at once: append ${mean('ours').toFixed(0)}/s, bare INSERT ${mean('baseline').toFixed(0)}/s`);
  }
  return { ours: median(taken.map((round) => round.ours)), baseline: median(taken.map((round) => round.baseline)) };
};

/** Calls per second of so many loops at once. */
const rateOf = async (writers: number, call: Call): Promise<number> => {
  const started = performance.now();
  const until = started + SLICE_MS;
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
