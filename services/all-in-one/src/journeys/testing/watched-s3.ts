import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { startS3Server } from '@waybill/testkit/s3-server';
import { Watch, type WatchedPartner } from './watched-partner.js';

const BUCKET = 'partner';

/** An S3 server behind a relay that holds requests and keeps answers back. */
export const startWatchedS3 = async (): Promise<WatchedPartner> => {
  const server = await startS3Server({ buckets: [BUCKET] });
  const objects = () => server.buckets.get(BUCKET)!.objects;
  const files = () => new Map([...objects()].map(([key, { body }]) => [key, body] as const));
  const watch = new Watch(files);

  /** The host header goes on as it came, since it is signed. */
  const forward = async ({ method, url, headers }: IncomingMessage, body: Buffer): Promise<IncomingMessage> => {
    const asking = request(`${server.endpoint}${url}`, { method: method!, headers, agent: false }).end(body);
    const [answer] = (await once(asking, 'response')) as [IncomingMessage];
    return answer;
  };
  const relay = createServer((incoming: IncomingMessage, outgoing: ServerResponse) => {
    const serve = async () => {
      const body = await buffer(incoming);
      const name = `${incoming.method} ${incoming.url}`;
      const verdict = watch.onRequest(name);
      if (verdict === 'hold') return;
      await sleep(watch.delayOf(name));
      const answer = await forward(incoming, body);
      if (verdict === 'hold-answer') return void answer.resume();
      answer.pipe(outgoing.writeHead(answer.statusCode!, answer.headers));
    };
    serve().catch(() => outgoing.destroy()); // a client that is killed goes away in the middle
  }).listen(0, '127.0.0.1');
  await once(relay, 'listening');
  return {
    type: 'amazon-s3',
    authentication: {
      method: 'access-key',
      accessKeyId: server.accessKeyId,
      secretAccessKey: server.secretAccessKey,
      region: server.region,
      endpoint: `http://127.0.0.1:${(relay.address() as AddressInfo).port}`,
      forcePathStyle: true,
    },
    target: { bucket: BUCKET, folder: 'incoming' },
    watch,
    files,
    leftovers: () => [...server.uploads.values()].map(({ key, id }) => `${key} ${id}`),
    empty: () => objects().clear(),
    stop: async () => {
      relay.closeAllConnections();
      relay.close();
      await once(relay, 'close');
      await server.stop();
    },
  };
};
