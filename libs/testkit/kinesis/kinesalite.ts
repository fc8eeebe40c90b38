import { once } from 'node:events';
import type { Server } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { KinesisError } from './kinesis-error.js';
import type { Placed, Store } from './store.js';

// Untyped CommonJS.
const kinesalite = createRequire(import.meta.url)('kinesalite') as (options: { createStreamMs: number }) => Server;

/** It looks at the form of a signature only; the front has checked it. */
const HEADERS = {
  'content-type': 'application/x-amz-json-1.1',
  'x-amz-date': '20261122T000000Z',
  authorization: 'AWS4-HMAC-SHA256 Credential=front, SignedHeaders=none, Signature=none',
};

/** kinesalite (https://github.com/mhart/kinesalite): an implementation that is not ours. Records of at most 1 MiB; about 9,000 a second. */
export const startKinesalite = async (): Promise<Store> => {
  const server = kinesalite({ createStreamMs: 0 });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const call = async <T>(operation: string, input: object): Promise<T> => {
    const response = await fetch(address, {
      method: 'POST',
      headers: { ...HEADERS, 'x-amz-target': `Kinesis_20131202.${operation}` },
      body: JSON.stringify(input),
    });
    const text = await response.text();
    if (response.ok) return (text === '' ? {} : JSON.parse(text)) as T;
    const { __type, message } = (text === '' ? {} : JSON.parse(text)) as { __type?: string; message?: string };
    throw new KinesisError(__type ?? `HTTP ${response.status}`, message ?? text, response.status);
  };
  const describe = async (StreamName: string) => {
    const { StreamDescriptionSummary } = await call<{ StreamDescriptionSummary: { readonly StreamStatus: string } }>(
      'DescribeStreamSummary',
      { StreamName },
    );
    return { ...StreamDescriptionSummary };
  };

  return {
    createStream: async (name, shards) => {
      await call('CreateStream', { StreamName: name, ShardCount: shards });
      while ((await describe(name)).StreamStatus !== 'ACTIVE') await sleep(5);
    },
    describe,
    put: async ({ StreamName, Records }) =>
      (await call<{ Records: readonly Placed[] }>('PutRecords', { StreamName, Records })).Records,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
};
