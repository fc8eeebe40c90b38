import { isIP, type Socket } from 'node:net';
import { connect as connectTls, getCACertificates } from 'node:tls';
import { unlessAborted } from '../abort.js';
import { connectTo, HostError, resolveAllowed } from '../network.js';
import type { Environment } from '../port.js';
import type { Access } from './access.js';
import { notReached, notSecured, timedOut } from './failure.js';
import type { Settings } from './options.js';

const NO_PLAIN_TCP = new HostError(
  'address-refused',
  'UseDevelopmentEmulator would send events and keys unencrypted.',
  'Leave it out of the connection string, or let the operator allow private networks (WAYBILL_ALLOW_PRIVATE_NETWORKS).',
);

/** Settles as `begin` does, unless the signal aborts or the time is over; either breaks the socket, whatever it is doing. */
const within = async (
  socket: Socket,
  event: 'connect' | 'secureConnect',
  signal: AbortSignal,
  [milliseconds, what]: readonly [number, string],
  failure: (error: Error) => Error,
): Promise<void> => {
  const late = AbortSignal.timeout(milliseconds);
  try {
    await unlessAborted(
      AbortSignal.any([signal, late]),
      new Promise<void>((resolve, reject) =>
        socket.once(event, resolve).once('error', (error) => reject(failure(error))),
      ),
    );
  } catch (error) {
    socket.on('error', () => undefined).destroy();
    signal.throwIfAborted();
    throw late.aborted ? timedOut(what, milliseconds) : error;
  }
};

/** A TCP connection to one of the addresses that were checked. */
export const openTcp = async (
  { host, port, emulator }: Access,
  { deadlines }: Settings,
  { signal, ...policy }: Environment,
): Promise<Socket> => {
  if (emulator && !policy.allowPrivateNetworks) throw NO_PLAIN_TCP;
  const addresses = await unlessAborted(signal, resolveAllowed(host, policy));
  const socket = connectTo(host, port, addresses);
  const place = `${host}, port ${port},`;
  await within(socket, 'connect', signal, [deadlines.connect, 'connecting'], (error) => notReached(place, error));
  return socket;
};

export const secure = async (
  socket: Socket,
  { host }: Access,
  { deadlines, ca }: Settings,
  signal: AbortSignal,
): Promise<Socket> => {
  const secured = connectTls({
    socket,
    ...(isIP(host) ? {} : { servername: host }),
    host,
    ...(ca === undefined ? {} : { ca: [...getCACertificates(), ca] }),
  });
  await within(secured, 'secureConnect', signal, [deadlines.handshake, 'the TLS handshake'], (error) =>
    notSecured(host, error),
  );
  return secured;
};
