import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type AppendExpectedRevision,
  EventStoreDBClient,
  jsonEvent,
  MaxAppendSizeExceededError,
  NO_STREAM,
  StreamDeletedError,
  UnavailableError,
  WrongExpectedVersionError,
} from '@eventstore/db-client';
import { always, type EventStoreDbServer, startEventStoreDb } from './index.js';

// What the transcript does not ask: the other way to append, faults, and a restart.
let server: EventStoreDbServer;
let client: EventStoreDBClient;
beforeEach(async () => {
  server = await startEventStoreDb();
  client = EventStoreDBClient.connectionString(server.url);
});
afterEach(async () => {
  delete server.faults.onCall;
  await server.stop();
});

const newStream = (): string => `thing-${randomUUID()}`;
const event = (text = '') => jsonEvent({ type: 'Happened', data: { text } });
const append = (stream: string, expectedRevision?: AppendExpectedRevision, text?: string) =>
  client.appendToStream(stream, [event(text), event()], {
    ...(expectedRevision !== undefined && { expectedRevision }),
  });

it('takes batches of appends as it takes single ones', async () => {
  const calls: string[] = [];
  server.faults.onCall = ({ method }) => void calls.push(method);
  const stream = newStream();
  expect(await append(stream, NO_STREAM)).toMatchObject({ success: true, nextExpectedRevision: 1n });
  const { position } = await append(stream, 1n);
  expect(position?.commit).toBe(server.log.events.at(-1)?.position);
  const same = event();
  const once = await client.appendToStream(stream, same, { expectedRevision: 3n });
  expect(await client.appendToStream(stream, same, { expectedRevision: 3n })).toEqual(once);
  await expect(append(stream, 1n)).rejects.toThrow(WrongExpectedVersionError);
  await expect(append(stream, NO_STREAM)).rejects.toMatchObject({ expectedVersion: 'no_stream', actualVersion: 4n });
  await expect(append(newStream(), 4n)).rejects.toMatchObject({ expectedVersion: 4n, actualVersion: 'no_stream' });
  await expect(append(stream, 4n, 'x'.repeat(2 ** 21))).rejects.toThrow(MaxAppendSizeExceededError);
  await client.tombstoneStream(stream);
  await expect(append(stream)).rejects.toThrow(StreamDeletedError);
  expect(new Set(calls)).toEqual(new Set(['GetSupportedMethods', 'BatchAppend', 'Tombstone']));
});

it.each([['no-answer'], ['lose-answer'], ['half-close']] as const)(
  'leaves an append of the client hanging for ever (%s), which is why Waybill sends its own',
  async (reaction) => {
    server.faults.onCall = always('BatchAppend', reaction);
    const settled = client.appendToStream(newStream(), event(), { deadline: 200 }).then(
      () => true,
      () => true,
    );
    expect(await Promise.race([settled, sleep(1_000)])).not.toBe(true);
  },
);

it('is away for a while, and has everything when it is back', async () => {
  const stream = newStream();
  await append(stream);
  const subscription = client.subscribeToStream(stream).on('data', () => undefined);
  const lost = new Promise((resolve) => subscription.on('error', resolve));
  await once(subscription, 'confirmation');
  await server.stop();
  expect(await lost).toBeInstanceOf(UnavailableError);
  await expect(append(stream)).rejects.toMatchObject({ code: 14 });
  await server.start();
  expect(await append(stream, 1n)).toMatchObject({ nextExpectedRevision: 3n });
});

it('drops live subscriptions as it is told', async () => {
  const subscription = client.subscribeToAll().on('data', () => undefined);
  const lost = new Promise((resolve) => subscription.on('error', resolve));
  await once(subscription, 'confirmation');
  expect(server.dropSubscriptions()).toBe(1);
  expect(await lost).toMatchObject({ code: 10, message: expect.stringMatching(/Consumer too slow/) });
  expect(server.dropSubscriptions()).toBe(0);
});
