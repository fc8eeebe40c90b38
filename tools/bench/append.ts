import { openPostgresEventStore } from '@waybill/event-store/postgres';
import { streamName } from '@waybill/kernel';
import { openDatabase, openWakeups } from '@waybill/postgres';
import { openBenchServer } from './database.js';
import { inTurns, newEvent } from './in-turns.js';
import { type Bench, type Measured, rates } from './result.js';

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
      progress(`${writers} at once, against bare INSERT`);
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
