import type { EventStore, NewEvent } from '@waybill/event-store';
import { openPostgresEventStore } from '@waybill/event-store/postgres';
import { newId, streamName } from '@waybill/kernel';
import { type Database, openDatabase, openWakeups } from '@waybill/postgres';
import { openProjections, type Projection } from '@waybill/projections';
import { openBenchServer } from './database.js';
import { alternate, type Bench, rates } from './result.js';

const EVENTS = 50_000;
const STREAMS = 2_000;

/** One row per run, as a list of runs needs it. */
const runs: Projection = {
  name: 'runs',
  categories: ['run'],
  tables: `
    create table runs (
      stream text primary key, revision bigint not null, parts int not null, rows bigint not null, updated_at timestamptz not null)`,
  async handle(client, events) {
    const changes = new Map<string, { revision: number; parts: number; rows: number; at: string }>();
    for (const { stream, revision, data, recordedAt } of events) {
      const before = changes.get(stream);
      const rows = (before?.rows ?? 0) + (data as { rows: number }).rows;
      changes.set(stream, { revision, parts: (before?.parts ?? 0) + 1, rows, at: recordedAt });
    }
    const changed = [...changes.values()];
    await client.query({
      name: 'runs',
      text: `
        insert into runs select * from unnest($1::text[], $2::bigint[], $3::int[], $4::bigint[], $5::timestamptz[])
        on conflict (stream) do update set
          revision = excluded.revision, parts = runs.parts + excluded.parts, rows = runs.rows + excluded.rows,
          updated_at = excluded.updated_at`,
      values: [
        [...changes.keys()],
        changed.map(({ revision }) => revision),
        changed.map(({ parts }) => parts),
        changed.map(({ rows }) => rows),
        changed.map(({ at }) => at),
      ],
    });
  },
};

/** Rebuilding a read model from the log, against reading the log alone. */
export const rebuild: Bench = async ({ rounds, progress }) => {
  const server = await openBenchServer();
  const { url } = await server.database();
  const database = await openDatabase({ url, schema: 'bench' });
  const wakeups = openWakeups(url);
  try {
    const store = await openPostgresEventStore({ database, wakeups });
    progress(`writing ${EVENTS} events`);
    await fill(store, database);
    const projections = await openProjections({ database, store, projections: [runs] });
    await projections.start();
    try {
      await projections.waitFor('runs', await store.head(), 120_000);
      const timed = async (what: string, pass: () => Promise<void>): Promise<number> => {
        const started = performance.now();
        await pass();
        const seconds = (performance.now() - started) / 1000;
        progress(`${what}: ${seconds.toFixed(2)} s`);
        return EVENTS / seconds;
      };
      return [
        rates({
          name: `rebuild of a projection, ${EVENTS} events`,
          ...(await alternate(
            rounds,
            () => timed('rebuild', () => projections.rebuild('runs')),
            () => timed('reading the log', () => readLog(store)),
          )),
          baselineName: 'reading the log alone',
          budget: { kind: 'ratio', atLeast: 0.5 },
          unit: 'events/s',
        }),
      ];
    } finally {
      await projections.stop();
    }
  } finally {
    await wakeups.close();
    await database.close();
    await server.close();
  }
};

const fill = async (store: EventStore, database: Database): Promise<void> => {
  const perStream = EVENTS / STREAMS;
  const streams = Array.from({ length: STREAMS }, () => streamName('run', newId()));
  for (let part = 0; part < perStream; part += 5) {
    await Promise.all(
      streams.map((stream) =>
        store.append(
          stream,
          Array.from({ length: 5 }, (_, index) => newEvent(part + index)),
          { expected: part === 0 ? 'no-stream' : part - 1 },
        ),
      ),
    );
  }
  await database.pool.query('vacuum analyze events');
};

const readLog = async (store: EventStore): Promise<void> => {
  for (let position = store.start, atEnd = false; !atEnd;) {
    ({ position, atEnd } = await store.readAll(position, { categories: runs.categories, max: 500 }));
  }
};

/** About 200 bytes of data. */
const newEvent = (part: number): NewEvent => ({
  id: newId(),
  type: 'PartPublished',
  data: { run: newId(), part, rows: 250_000, bytes: 48_211_904, sha256: newId().replaceAll('-', '').repeat(2) },
  metadata: {
    tenant: 'acme',
    sandbox: 'prod',
    actor: 'bench',
    correlationId: newId(),
    causationId: newId(),
    occurredAt: '2026-01-02T03:04:05.678Z',
  },
});
