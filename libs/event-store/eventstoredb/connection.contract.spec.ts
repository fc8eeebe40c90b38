import { setTimeout as sleep } from 'node:timers/promises';
import grpc from '@grpc/grpc-js';
import { jest } from '@jest/globals';
import { newId } from '@waybill/kernel';
import { startEventStoreDb } from '@waybill/testkit/eventstoredb';
import { readAddress } from './address.js';
import { openConnection } from './connection.js';
import { read } from './reader.js';
import { streamRequest } from './requests.js';

const gone = () =>
  Object.assign(new Error('14 UNAVAILABLE'), { code: 14, details: 'gone', metadata: new grpc.Metadata() });

it('leaves no rejection behind, which would end the process, when a call fails while no node is found', async () => {
  const server = await startEventStoreDb();
  const hosts = `127.0.0.1:${server.endpoint.port},127.0.0.1:1`;
  const connection = openConnection(
    readAddress(`esdb://${hosts}?tls=false&maxDiscoverAttempts=2&discoveryInterval=200`),
  );
  const renewing = jest.spyOn(connection as unknown as { handleError: () => Promise<void> }, 'handleError');
  await connection.call({ deadlineMs: 1_000 }, () => Promise.resolve());

  const slow = connection.call({ deadlineMs: 2_000 }, async () => {
    await sleep(150);
    throw gone();
  });
  await sleep(20);
  await server.stop();
  await expect(connection.call({ deadlineMs: 1_000 }, () => Promise.reject(gone()))).rejects.toThrow('UNAVAILABLE');
  const next = connection.call({ deadlineMs: 3_000 }, () => Promise.resolve());
  await Promise.all([expect(slow).rejects.toThrow('UNAVAILABLE'), expect(next).rejects.toThrow('Failed to discover')]);
  expect(renewing).toHaveBeenCalledTimes(2);
  await Promise.all(renewing.mock.results.map(({ value }) => value as Promise<void>));
  connection.close();
});

it('hands on nothing more of a read when its caller was told that its time is up', async () => {
  const server = await startEventStoreDb();
  const event = {
    type: 'Happened',
    contentType: 'application/json',
    data: new Uint8Array(),
    metadata: new Uint8Array(),
  };
  for (let i = 0; i < 500; i += 1) server.log.append('thing-1', 'any', [{ id: newId(), ...event }]);
  // A node is found when there is little time left.
  server.faults.onCall = ({ method }) => ({ delayMs: method === 'Gossip' ? 800 : 5 });
  const connection = openConnection(readAddress(`esdb+discover://127.0.0.1:${server.endpoint.port}?tls=false`));
  let taken = 0;
  const request = streamRequest('thing-1', 0, 500, 'forwards');
  const reading = read(connection, request, { deadlineMs: 1_000 }, () => {
    taken += 1;
    return 'more';
  });
  await expect(reading).rejects.toThrow();
  const before = taken;
  await sleep(500);
  expect(taken).toBe(before);
  connection.close();
  await server.stop();
});
