import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client';
import { openEventStoreDb } from '@waybill/event-store/eventstoredb';
import { streamName } from '@waybill/kernel';
import { inTurns, newEvent } from './in-turns.js';
import { type Bench, type Measured, rates } from './result.js';

/**
 * Appends of one event each to the protocol server, against the client alone: through the call that we use as well; and,
 * to show what that costs, through the one that it prefers and we avoid (docs/adr/0015).
 */
export const eventstoredb: Bench = async ({ rounds, progress }) => {
  const server = await startServer();
  const store = await openEventStoreDb({ url: server.url });
  const preferring = EventStoreDBClient.connectionString(server.url);
  const unary = EventStoreDBClient.connectionString(server.url);
  (unary as unknown as { supports: () => Promise<boolean> }).supports = async () => false;

  const ours = async (): Promise<void> => {
    const event = newEvent();
    await store.append(streamName('bench', event.id), [event], { expected: 'no-stream' });
  };
  const bare = (client: EventStoreDBClient) => async (): Promise<void> => {
    const { id, type, data, metadata } = newEvent();
    const event = jsonEvent({ id, type, data: data as Record<string, string>, metadata: { ...metadata } });
    await client.appendToStream(streamName('bench', id), event, { expectedRevision: NO_STREAM });
  };

  try {
    const measured: Measured[] = [];
    for (const writers of [1, 8]) {
      const name = `append to EventStoreDB's protocol server, ${writers} ${writers === 1 ? 'writer' : 'writers'}`;
      progress(`${writers} at once, against Append of the client`);
      const calls = await inTurns(rounds, writers, ours, bare(unary), progress);
      measured.push(
        rates({
          name,
          ...calls,
          baselineName: 'the bare client, Append',
          budget: { kind: 'ratio', atLeast: 0.9 },
          unit: 'events/s',
        }),
      );
      progress(`${writers} at once, against BatchAppend of the client`);
      const batches = await inTurns(rounds, writers, ours, bare(preferring), progress);
      measured.push(rates({ name, ...batches, baselineName: 'the bare client, BatchAppend', unit: 'events/s' }));
    }
    return measured;
  } finally {
    await store.close();
    await Promise.all([unary.dispose(), preferring.dispose()]);
    await server.stop();
  }
};

/** In a process of its own, as a database is. */
const startServer = async () => {
  const child = spawn(process.execPath, [join(import.meta.dirname, '../counterpart.js'), 'eventstoredb'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  const url = /esdb:\/\/[^;\s]+/.exec(line.toString())?.[0];
  if (url === undefined) throw new Error(`The protocol server said: ${line.toString()}`);
  return {
    url,
    stop: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
    },
  };
};
