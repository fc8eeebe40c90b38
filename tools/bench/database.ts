import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openEmbeddedPostgres } from '@waybill/postgres/embedded';
import pg from 'pg';

export interface BenchServer {
  /** A new and empty database; dropped with `drop`. */
  database(): Promise<{ readonly url: string; readonly drop: () => Promise<void> }>;
  close(): Promise<void>;
}

/** The server of `DATABASE_URL` (a user that may create databases), else an embedded one with its durability on. */
export const openBenchServer = async (): Promise<BenchServer> => {
  const given = process.env['DATABASE_URL'];
  const folder = mkdtempSync(join(tmpdir(), 'waybill-bench-'));
  const embedded = given === undefined ? await openEmbeddedPostgres({ folder, log: () => undefined }) : undefined;
  const server = embedded?.url ?? given ?? '';
  return {
    database: async () => {
      const name = `waybill_bench_${randomBytes(6).toString('hex')}`;
      await runOn(server, `create database ${name}`);
      const url = new URL(server);
      url.pathname = `/${name}`;
      return { url: url.href, drop: () => runOn(server, `drop database ${name} with (force)`) };
    },
    close: async () => {
      await embedded?.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

const runOn = async (url: string, sql: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
};
