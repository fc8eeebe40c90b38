import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { audienceTables, loadMembers } from '@waybill/audience';
import { type Database, migrate, openDatabase } from '@waybill/postgres';
import { from as copyFrom } from 'pg-copy-streams';
import { openBenchServer } from './database.js';
import { contextOf, SCOPE } from './export-data.js';
import { copyRowsOf, csvOf } from './profiles.js';
import { alternate, type Bench, rates } from './result.js';

const ROWS = 1_000_000;

/** Members as CSV into an empty audience, against a bare COPY of the same profiles into the same table. */
export const load: Bench = async ({ rounds, progress }) => {
  const folder = mkdtempSync(join(tmpdir(), 'waybill-bench-'));
  const server = await openBenchServer();
  try {
    const csv = join(folder, 'members.csv');
    const copy = join(folder, 'profiles.copy');
    progress(`writing ${ROWS} profiles`);
    await pipeline(csvOf(ROWS), createWriteStream(csv));
    await pipeline(copyRowsOf(ROWS, 'acme\tprod', '2026-01-01T00:00:00Z'), createWriteStream(copy));

    const timed = async (what: string, work: (database: Database) => Promise<void>): Promise<number> => {
      const { url, drop } = await server.database();
      const database = await openDatabase({ url, schema: 'audience' });
      try {
        await migrate(database, 'audience', audienceTables);
        // What an earlier round left to be written would be counted against this one.
        await database.pool.query('checkpoint');
        const start = performance.now();
        await work(database);
        const seconds = (performance.now() - start) / 1000;
        progress(`${what}: ${seconds.toFixed(1)} s`);
        return ROWS / seconds;
      } finally {
        await database.close();
        await drop();
      }
    };
    const measured = await alternate(
      rounds,
      () =>
        timed('load', async (database) => {
          const { accepted } = await loadMembers(
            database,
            {
              context: contextOf(SCOPE),
              segmentId: 's',
              mode: 'merge',
              format: { type: 'csv', identity: 'customerId' },
            },
            createReadStream(csv),
          );
          if (accepted !== ROWS) throw new Error(`${accepted} of ${ROWS} members were accepted.`);
        }),
      () =>
        timed('COPY', async (database) => {
          const client = await database.pool.connect();
          const stream = client.query(
            copyFrom('copy profiles (tenant, sandbox, profile_id, identities, attributes, identified_at) from stdin'),
          );
          await pipeline(createReadStream(copy), stream).finally(() => client.release());
        }),
    );
    return [
      rates({
        name: '1 M members as CSV',
        ...measured,
        baselineName: 'COPY into the same table',
        budget: { kind: 'ratio', atLeast: 0.3 },
        unit: 'rows/s',
      }),
    ];
  } finally {
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
};
