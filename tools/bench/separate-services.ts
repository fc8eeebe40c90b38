import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { newId } from '@waybill/kernel';
import { findJars } from '@waybill/testkit/kafka';
import { startSftpServer } from '@waybill/testkit/sftp-server';
import { percentiles } from './percentiles.js';
import type { Bench } from './result.js';

const MAIN = join(import.meta.dirname, '../distributed/main.js');
const START_MS = 90_000;
const SETTLED_MS = 5_000;
const SEGMENTS = 200;
const CONNECTS = 60;
const WARM_UP = 10;

interface Started {
  readonly address: string;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

/** A process of each service over Kafka and EventStoreDB's protocol: what a change takes to arrive, and what they take idle. */
export const separateServices: Bench = async ({ progress }) => {
  const jars = findJars();
  if (!jars.available) return [{ name: 'separate services', notRun: jars.reason }];
  const waybill = await startDistributed();
  try {
    await sleep(SETTLED_MS);
    const memory = await megabytesOf(waybill.pids);
    progress(`six processes, idle: ${memory.toFixed(0)} MB`);
    const visible = await timesToBeVisible(waybill.address);
    const connected = await timesToConnect(waybill.address);
    return [
      ...percentiles(`segment defined over HTTP until in the feed of another service, of ${SEGMENTS}`, visible),
      ...percentiles(`account connected over Kafka (SFTP), of ${CONNECTS}`, connected),
      { name: 'six processes, idle, resident', ours: memory, unit: 'MB' },
    ];
  } finally {
    await waybill.stop();
  }
};

const startDistributed = async (): Promise<Started> => {
  const environment = { WAYBILL_PORT: '0', WAYBILL_LOG_LEVEL: 'warn', WAYBILL_DATA: '' };
  const child: ChildProcess = spawn(process.execPath, [...process.execArgv, MAIN], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  const pids: number[] = [];
  const lines = createInterface({ input: child.stdout! });
  const ready = new Promise<string>((resolve, reject) => {
    lines.on('line', (line) => {
      const [, pid] = / listens on \S+ \(process (\d+)\)/.exec(line) ?? [];
      if (pid !== undefined) pids.push(Number(pid));
      const [, address] = /^Waybill is ready on (\S+)/.exec(line) ?? [];
      if (address !== undefined) resolve(address);
    });
    void exited.then(() => reject(new Error('the separate services did not start')));
    setTimeout(
      () => reject(new Error(`the separate services were not ready after ${START_MS / 1000} s`)),
      START_MS,
    ).unref();
  });
  const stop = async () => {
    if (child.exitCode === null) child.kill('SIGTERM');
    await exited;
  };
  try {
    return { address: await ready, pids, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};

const megabytesOf = async (pids: readonly number[]): Promise<number> => {
  const sizes = await Promise.all(
    pids.map(async (pid) => Number(/^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1])),
  );
  return (sizes.reduce((sum, size) => sum + size, 0) * 1024) / 1e6;
};

const send = async (method: string, url: string, body: object): Promise<void> => {
  const headers = { 'content-type': 'application/json' };
  const answer = await fetch(url, { method, headers, body: JSON.stringify(body) });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`answered ${answer.status}: ${text}`);
};

/** From the request to the audience service until the catalog service, which heard of it over Kafka, tells a dashboard. */
const timesToBeVisible = async (address: string): Promise<readonly number[]> => {
  const seen = new Map<string, () => void>();
  const reading = new AbortController();
  const feed = await fetch(`${address}/v1/events?types=SegmentDefined`, { signal: reading.signal });
  const listening = (async () => {
    let rest = '';
    for await (const chunk of feed.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) for (const [id, tell] of seen) if (block.includes(id)) tell();
    }
  })().catch(() => undefined); // it is we who end it
  const times: number[] = [];
  for (let index = 0; index < WARM_UP + SEGMENTS; index++) {
    const id = newId();
    const arrived = new Promise<void>((resolve) => seen.set(id, resolve));
    const started = performance.now();
    await send('PUT', `${address}/v1/segments/${id}`, { name: id });
    await arrived;
    if (index >= WARM_UP) times.push(performance.now() - started);
    seen.delete(id);
  }
  reading.abort();
  await listening;
  return times;
};

const timesToConnect = async (address: string): Promise<readonly number[]> => {
  const root = await mkdtemp(join(tmpdir(), 'waybill-bench-partner-'));
  const user = { username: 'acme', password: 'a-long-secret' };
  const partner = await startSftpServer({ root, users: [user] });
  const authentication = {
    method: 'password',
    host: partner.host,
    port: partner.port,
    ...user,
    hostKey: partner.fingerprint,
  };
  const times: number[] = [];
  try {
    for (let index = 0; index < WARM_UP + CONNECTS; index++) {
      const started = performance.now();
      await send('POST', `${address}/v1/accounts`, { type: 'sftp', name: `Partner ${index}`, authentication });
      if (index >= WARM_UP) times.push(performance.now() - started);
    }
  } finally {
    await partner.stop();
    await rm(root, { recursive: true, force: true });
  }
  return times;
};
