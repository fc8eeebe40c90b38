import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { jest } from '@jest/globals';
import pg from 'pg';
import { freePort } from '../testing/free-port.js';
import { serverAccount } from './account.js';
import { findBinaries, shippedFolder } from './binaries.js';
import { openEmbeddedPostgres } from './index.js';
import { run } from './run.js';

/** A cluster is made with fsync on. */
jest.setTimeout(120_000);

const asRoot = process.getuid?.() === 0;
const root = mkdtempSync(join(tmpdir(), 'waybill-embedded-'));
let folders = 0;
const newFolder = (): string => join(root, `data-${(folders += 1)}`);
afterAll(() => rmSync(root, { recursive: true, force: true }));

const log = (): void => undefined;

/** Making a cluster takes longest: tests that need no fresh one share this. */
const shared = newFolder();

const query = async <Row extends object>(url: string, sql: string): Promise<Row[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
};

/** Another process that opens the folder and waits. Uses the build, as a process of its own must. */
const anotherProcessOn = async (folder: string): Promise<{ child: ChildProcess; url: string }> => {
  const script = `
    const { openEmbeddedPostgres } = await import('@waybill/postgres/embedded');
    const { url } = await openEmbeddedPostgres({ folder: ${JSON.stringify(folder)}, log: () => undefined });
    console.log(url);
    setInterval(() => undefined, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
    cwd: dirname(fileURLToPath(import.meta.url)),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  for await (const url of createInterface({ input: child.stdout })) return { child, url };
  throw new Error('the other process ended before its server was up; is libs/postgres built (npm run build)?');
};

describe('the embedded PostgreSQL', () => {
  it('is a durable PostgreSQL 18 that keeps its data from one start to the next', async () => {
    const folder = newFolder();
    const first = await openEmbeddedPostgres({ folder, log });
    const settings = await query<{ name: string; setting: string }>(
      first.url,
      `select name, setting from pg_settings
       where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'server_version_num') order by name`,
    );
    expect(
      settings.map(({ name, setting }) => [name, name === 'server_version_num' ? setting.slice(0, 2) : setting]),
    ).toEqual([
      ['fsync', 'on'],
      ['full_page_writes', 'on'],
      ['server_version_num', '18'],
      ['synchronous_commit', 'on'],
    ]);
    await query(first.url, 'create table kept as select 42 as answer');
    await first.stop();
    await expect(query(first.url, 'select 1')).rejects.toThrow(/ECONNREFUSED/);

    const second = await openEmbeddedPostgres({ folder, log });
    expect(await query(second.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await second.stop();
  });

  it('draws a password for each folder and keeps it where only its user reads it', async () => {
    const folder = shared;
    const postgres = await openEmbeddedPostgres({ folder, log });
    const password = readFileSync(join(folder, 'password'), 'utf8').trim();
    expect(password).toMatch(/^[0-9a-f]{48}$/);
    expect(new URL(postgres.url).password).toBe(password);
    expect(statSync(join(folder, 'password')).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(asRoot ? 0o711 : 0o700);
    expect(statSync(join(folder, 'postgres')).mode & 0o777).toBe(0o700);
    await expect(query(postgres.url.replace(password, 'guess'), 'select 1')).rejects.toThrow(
      /password authentication failed/,
    );
    await postgres.stop();
  });

  it('refuses a second opener of its folder, naming the first', async () => {
    const folder = shared;
    const first = await openEmbeddedPostgres({ folder, log });
    await expect(openEmbeddedPostgres({ folder, log })).rejects.toMatchObject({
      slug: 'embedded-database-locked',
      message: expect.stringContaining(`(pid ${process.pid})`) as string,
    });
    await first.stop();
  });

  it('takes over from a process that was killed, its server still running and its lock gone', async () => {
    const folder = newFolder();
    const { child, url } = await anotherProcessOn(folder);
    await expect(openEmbeddedPostgres({ folder, log })).rejects.toMatchObject({
      slug: 'embedded-database-locked',
      message: expect.stringContaining(`(pid ${child.pid})`) as string,
    });
    await query(url, 'create table survivors as select 7 as n');
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(await query(url, 'select n from survivors')).toEqual([{ n: 7 }]); // left behind

    const lines: string[] = [];
    const next = await openEmbeddedPostgres({ folder, log: (line) => lines.push(line) });
    expect(lines[0]).toMatch(/^stopping the PostgreSQL \(pid \d+\) that a killed process left behind$/);
    expect(await query(next.url, 'select n from survivors')).toEqual([{ n: 7 }]);
    await next.stop();
  });

  it('starts when owner and server were both killed, even if the pid of the server belongs to another process now', async () => {
    const folder = newFolder();
    const pidFile = join(folder, 'postgres/data/postmaster.pid');
    const { child, url } = await anotherProcessOn(folder);
    await query(url, 'create table survivors as select 7 as n');
    child.kill('SIGKILL');
    process.kill(Number.parseInt(readFileSync(pidFile, 'utf8')), 'SIGKILL');
    await once(child, 'exit');
    const [, ...rest] = readFileSync(pidFile, 'utf8').split('\n');
    writeFileSync(pidFile, [process.pid, ...rest].join('\n'));

    const next = await openEmbeddedPostgres({ folder, log });
    expect(await query(next.url, 'select n from survivors')).toEqual([{ n: 7 }]);
    await next.stop();
  });

  it('starts once the children of a server that was killed are gone', async () => {
    const folder = newFolder();
    const { child, url } = await anotherProcessOn(folder);
    const client = new pg.Client({ connectionString: url });
    client.on('error', () => undefined); // its end
    await client.connect();
    const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
    const orphan = rows[0]!.pid;
    process.kill(orphan, 'SIGSTOP'); // like one that is busy, it does not see its parent's end
    child.kill('SIGKILL');
    process.kill(Number.parseInt(readFileSync(join(folder, 'postgres/data/postmaster.pid'), 'utf8')), 'SIGKILL');
    await once(child, 'exit');

    let settled = false;
    const opening = openEmbeddedPostgres({ folder, log }).finally(() => (settled = true));
    const serverLog = join(folder, 'postgres/server.log');
    const refused = () =>
      existsSync(serverLog) && readFileSync(serverLog, 'utf8').includes('pre-existing shared memory block');
    try {
      while (!refused() && !settled) await sleep(5);
    } finally {
      process.kill(orphan, 'SIGKILL');
    }
    const next = await opening;
    expect(await query(next.url, 'select 1 as one')).toEqual([{ one: 1 }]);
    await next.stop();
    await client.end().catch(() => undefined);
  });

  it('takes the port it is given, and says so when that is in use', async () => {
    const port = await freePort();
    const busy = createServer().listen(port, '127.0.0.1');
    await once(busy, 'listening');
    const folder = shared;
    await expect(openEmbeddedPostgres({ folder, port, log })).rejects.toMatchObject({
      slug: 'embedded-database-port-taken',
      message: expect.stringContaining(String(port)) as string,
    });
    busy.close();
    await once(busy, 'close');
    const postgres = await openEmbeddedPostgres({ folder, port, log });
    expect(new URL(postgres.url).port).toBe(String(port));
    await postgres.stop();
  });

  it('says what to do about a folder of another version, and about a lost password', async () => {
    const folder = shared;
    const version = join(folder, 'postgres/data/PG_VERSION');
    const before = readFileSync(version);
    writeFileSync(version, '17\n');
    await expect(openEmbeddedPostgres({ folder, log })).rejects.toMatchObject({ slug: 'embedded-database-version' });
    writeFileSync(version, before);

    const password = join(folder, 'password');
    const kept = readFileSync(password);
    rmSync(password);
    await expect(openEmbeddedPostgres({ folder, log })).rejects.toMatchObject({
      slug: 'embedded-database-password-lost',
      message: expect.stringContaining(password) as string,
    });
    writeFileSync(password, kept, { mode: 0o600 });
  });

  it('says so when its folder cannot be made', async () => {
    const file = join(root, 'a-file');
    writeFileSync(file, '');
    await expect(openEmbeddedPostgres({ folder: join(file, 'data'), log })).rejects.toMatchObject({
      slug: 'embedded-database-folder-unusable',
    });
  });
});

(asRoot ? describe : describe.skip)('the embedded PostgreSQL under root [needs root]', () => {
  const closed = join(root, 'closed');
  beforeAll(() => mkdirSync(closed, { mode: 0o700 }));

  it('runs as another user, which gets into the one folder and not into the closed one above it', async () => {
    const folder = join(closed, 'data');
    const postgres = await openEmbeddedPostgres({ folder, log });
    await query(postgres.url, 'create table kept as select 42 as answer');
    await query(postgres.url, 'checkpoint');
    expect(statSync(join(folder, 'postgres/data')).uid).toBe(serverAccount(join(folder, 'postgres'))?.uid);
    expect(statSync(join(folder, 'postgres/data')).uid).not.toBe(0);
    expect(statSync(join(folder, 'password')).uid).toBe(0);
    expect(statSync(closed).mode & 0o777).toBe(0o700);
    await postgres.stop();

    const again = await openEmbeddedPostgres({ folder, log });
    expect(await query(again.url, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await again.stop();
  });

  it('copies the programs beside the data when that user cannot get at node_modules', async () => {
    const shipped = { ...shippedFolder(), native: join(closed, 'native') };
    cpSync(shippedFolder().native, shipped.native, { recursive: true, verbatimSymlinks: true });
    const account = serverAccount(newFolder());
    const folder = newFolder();
    mkdirSync(folder);
    chmodSync(root, 0o711);
    const binaries = await findBinaries(account, folder, shipped);
    expect(dirname(dirname(binaries.initdb))).toBe(join(folder, `postgresql-${shipped.version}`));
    expect(await run(binaries.initdb, ['--version'], account)).toMatchObject({ status: 0 });
    expect(await findBinaries(account, folder, shipped)).toEqual(binaries); // copied once
  });
});
