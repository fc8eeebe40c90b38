import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NewEvent } from '@waybill/event-store';
import { openPostgresEventStore } from '@waybill/event-store/postgres';
import { newId, streamName } from '@waybill/kernel';
import { openDatabase, openWakeups } from '@waybill/postgres';
import { startWaybill } from '../demo/waybill.js';
import { openBenchServer } from './database.js';
import { alternate, type Bench, durations, median } from './result.js';

const REQUESTS = 300;
/** Until the service's code is compiled: over the first thousand requests, one takes a third less time. */
const WARM_UP = 500;

/** `POST /v1/marketing-actions`, one after the other over one connection, against the bare append under it. */
export const httpCommand: Bench = async ({ rounds, progress }) => {
  const server = await openBenchServer();
  const { url } = await server.database();
  const folder = await mkdtemp(join(tmpdir(), 'waybill-bench-http-'));
  const waybill = await startWaybill(folder, { DATABASE_URL: url });
  const database = await openDatabase({ url, schema: 'bench' });
  const wakeups = openWakeups(url);
  try {
    const store = await openPostgresEventStore({ database, wakeups });
    const command = async () => {
      const response = await fetch(`${waybill.address}/v1/marketing-actions`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name: `a${newId()}`, friendlyName: 'A marketing action' }),
      });
      if (response.status !== 201) throw new Error(`answered ${response.status}: ${await response.text()}`);
      await response.arrayBuffer();
    };
    const append = async () => {
      const event = newEvent();
      await store.append(streamName('bench', event.id), [event], { expected: 'no-stream' });
    };
    const measured = await alternate(
      rounds,
      () => medianTime('command over HTTP', command, progress),
      () => medianTime('bare append', append, progress),
    );
    return [
      durations({
        name: `POST /v1/marketing-actions, p50 of ${REQUESTS}`,
        ...measured,
        baselineName: 'bare append',
        unit: 'ms',
        budget: { kind: 'difference', atMost: 3 },
      }),
    ];
  } finally {
    await waybill.stop();
    await wakeups.close();
    await database.close();
    await server.close();
    await rm(folder, { recursive: true, force: true });
  }
};

const medianTime = async (
  what: string,
  call: () => Promise<void>,
  progress: (line: string) => void,
): Promise<number> => {
  for (let warm = 0; warm < WARM_UP; warm++) await call();
  const times: number[] = [];
  for (let done = 0; done < REQUESTS; done++) {
    const started = performance.now();
    await call();
    times.push(performance.now() - started);
  }
  const p50 = median(times);
  progress(`${what}: p50 ${p50.toFixed(2)} ms`);
  return p50;
};

const newEvent = (): NewEvent => {
  const id = newId();
  return {
    id,
    type: 'MarketingActionDefined',
    data: { name: `a${id}`, friendlyName: 'A marketing action', description: '' },
    metadata: {
      tenant: 'default',
      sandbox: 'prod',
      actor: 'bench',
      correlationId: id,
      causationId: id,
      occurredAt: new Date().toISOString(),
    },
  };
};
