import { setTimeout as sleep } from 'node:timers/promises';
import grpc from '@grpc/grpc-js';
import { jest } from '@jest/globals';
import { startEventStoreDb } from '@waybill/testkit/eventstoredb';
import { readAddress } from './address.js';
import { openConnection } from './connection.js';

const gone = () =>
  Object.assign(new Error('14 UNAVAILABLE'), { code: 14, details: 'gone', metadata: new grpc.Metadata() });

it('leaves no rejection behind, which would end the process, when a call fails while no node is found', async () => {
  const server = await startEventStoreDb();
  const hosts = `127.0.0.1:${server.endpoint.port},127.0.0.1:1`;
  const connection = openConnection(
    readAddress(`esdb://${hosts}?tls=false&maxDiscoverAttempts=2&discoveryInterval=200`),
  );
  const renewing = jest.spyOn(connection as unknown as { handleError: () => Promise<void> }, 'handleError');
  await connection.call(1_000, () => Promise.resolve());

  const slow = connection.call(2_000, async () => {
    await sleep(150);
    throw gone();
  });
  await sleep(20);
  await server.stop();
  await expect(connection.call(1_000, () => Promise.reject(gone()))).rejects.toThrow('UNAVAILABLE');
  const next = connection.call(3_000, () => Promise.resolve());
  await Promise.all([expect(slow).rejects.toThrow('UNAVAILABLE'), expect(next).rejects.toThrow('Failed to discover')]);
  expect(renewing).toHaveBeenCalledTimes(2);
  await Promise.all(renewing.mock.results.map(({ value }) => value as Promise<void>));
  connection.close();
});
