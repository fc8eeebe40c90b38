// `npm run distributed`: one process per service, as they run on servers, on this machine and without Docker.
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadMasterKey } from '@waybill/secrets';
import { readConfiguration, whyNotStarted } from '@waybill/service-kit';
import { createLog } from './log.js';
import { openServers } from './servers.js';
import { startStack } from './stack.js';

const HELP = `npm run distributed -- [options]
  --replicas N       processes of each service (default 1)
  --openapi FILE     write what the services offer to this file, and end

The whole API is at WAYBILL_PORT (default 8080), each service's own at the ports after it. Kafka, EventStoreDB and
PostgreSQL are started, unless WAYBILL_KAFKA_BROKERS, WAYBILL_EVENTSTOREDB_URL or DATABASE_URL name one that runs.
WAYBILL_EVENT_STORE=postgres and WAYBILL_MESSAGING=postgres do without the first two. Without WAYBILL_DATA everything
is in a folder of its own and goes with it.`;

const MOST_REPLICAS = 4;

const say = createLog('distributed');

const main = async (): Promise<number> => {
  const { values } = parseArgs({
    options: {
      replicas: { type: 'string', default: '1' },
      openapi: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    console.log(HELP);
    return 0;
  }
  const replicas = Number(values.replicas);
  if (!Number.isInteger(replicas) || replicas < 1 || replicas > MOST_REPLICAS) {
    throw new Error(`--replicas must be a whole number from 1 to ${MOST_REPLICAS}\n\n${HELP}`);
  }
  const started = performance.now();
  const stopping = new AbortController();
  const { signal } = stopping;
  for (const name of ['SIGINT', 'SIGTERM'] as const) process.once(name, () => stopping.abort());
  const configuration = readConfiguration(withoutOurs(process.env));

  await using opened = new AsyncDisposableStack();
  const kept = process.env['WAYBILL_DATA'];
  const folder = kept || (await throwaway(opened));
  say('starts what the services stand on');
  const environment = await openServers({ ...process.env, WAYBILL_DATA: folder }, folder, opened, say);
  // Made once, before six processes look for it at the same time.
  const { masterKey: value, masterKeyFile: file } = configuration;
  // Nobody is to keep a copy of a key whose secrets go with it.
  await loadMasterKey({ value, file, generateIn: folder, warn: (text) => kept && say(text) });

  const stack = await startStack({ configuration, environment, replicas, signal });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  say(`${replicas === 1 ? 'a process' : `${replicas} processes`} of each service, ready after ${seconds} s`);
  console.log(`Waybill is ready on ${stack.address} (docs: ${stack.address}/docs)`);
  if (values.openapi !== undefined) await writeOpenApi(stack.address, values.openapi);
  else if (!signal.aborted) await once(signal, 'abort');
  return (await stack.stop()) ? 0 : 1;
};

/** An engine whose server we start needs no address yet. */
const withoutOurs = ({
  WAYBILL_EVENT_STORE,
  WAYBILL_MESSAGING,
  ...environment
}: NodeJS.ProcessEnv): NodeJS.ProcessEnv => ({
  ...environment,
  ...(WAYBILL_EVENT_STORE && WAYBILL_EVENT_STORE !== 'eventstoredb' ? { WAYBILL_EVENT_STORE } : {}),
  ...(WAYBILL_MESSAGING && WAYBILL_MESSAGING !== 'kafka' ? { WAYBILL_MESSAGING } : {}),
});

const writeOpenApi = async (address: string, file: string): Promise<void> => {
  const document = await (await fetch(`${address}/openapi.json`)).json();
  await writeFile(file, `${JSON.stringify(document, null, 2)}\n`);
};

const throwaway = async (opened: AsyncDisposableStack): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'waybill-distributed-'));
  opened.defer(() => rm(folder, { recursive: true, force: true }));
  return folder;
};

main().then(
  (code) => process.exit(code),
  (error: unknown) => {
    console.error(`Waybill did not start: ${whyNotStarted(error)}`);
    process.exit(1);
  },
);
