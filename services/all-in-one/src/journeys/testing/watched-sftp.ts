import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startSftpServer } from '@waybill/testkit/sftp-server';
import { Watch, type WatchedPartner } from './watched-partner.js';

const FOLDER = 'incoming';

/** An SFTP server behind a relay that can keep answers back: SSH is encrypted, so only the server knows which is which. */
export const startWatchedSftp = async (): Promise<WatchedPartner> => {
  const root = mkdtempSync(join(tmpdir(), 'waybill-watched-'));
  const folder = join(root, FOLDER);
  mkdirSync(folder);
  const names = () => readdirSync(folder);
  const files = () =>
    new Map(
      names()
        .filter((name) => !name.startsWith('.'))
        .map((name) => [`${FOLDER}/${name}`, readFileSync(join(folder, name))] as const),
    );
  const watch = new Watch(files);
  const user = { username: 'acme', password: 'correct horse' };
  const server = await startSftpServer({
    root,
    users: [user],
    faults: {
      onRequest: ({ name }) => {
        const verdict = watch.onRequest(name);
        if (verdict === 'hold-answer') relay.keepAnswers();
        return verdict === 'hold' ? 'hang' : { delayMs: watch.delayOf(name) };
      },
    },
  });
  const relay = await startRelay(server.port);
  return {
    type: 'sftp',
    authentication: { method: 'password', host: server.host, port: relay.port, ...user, hostKey: server.fingerprint },
    target: { folder: FOLDER },
    watch,
    files,
    leftovers: () => names().filter((name) => name.startsWith('.')),
    empty: () => names().forEach((name) => rmSync(join(folder, name))),
    stop: async () => {
      await relay.stop();
      await server.stop();
      rmSync(root, { recursive: true, force: true });
    },
  };
};

const startRelay = async (target: number) => {
  const open = new Map<Socket, Socket>();
  const end = (client: Socket) => {
    client.destroy();
    open.get(client)?.destroy();
    open.delete(client);
  };
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1');
    open.set(client, upstream);
    client.pipe(upstream).pipe(client);
    for (const socket of [client, upstream]) socket.on('error', () => end(client)).on('close', () => end(client));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    /** On the connections that there are. */
    keepAnswers: () => open.forEach((upstream, client) => upstream.unpipe(client).resume()),
    stop: async () => {
      [...open.keys()].forEach(end);
      server.close();
      await once(server, 'close');
    },
  };
};
