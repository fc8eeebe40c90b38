import type { LookupAddress } from 'node:dns';
import type { Socket } from 'node:net';
import { connectTo } from '../network.js';
import { SftpFailure } from './failure.js';

/** A TCP connection to one of the addresses that were checked. */
export const openSocket = (
  host: string,
  port: number,
  addresses: readonly LookupAddress[],
  signal: AbortSignal,
): Promise<Socket> =>
  new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const socket = connectTo(host, port, addresses);
    const abandon = () => socket.destroy(signal.reason as Error);
    signal.addEventListener('abort', abandon);
    socket.once('close', () => signal.removeEventListener('abort', abandon));
    socket.once('connect', () => {
      signal.removeEventListener('abort', abandon);
      freePackets(socket);
      resolve(socket);
    });
    socket.once('error', (error) => reject(notReached(host, port, error)));
  });

const LARGE = 16 * 1024;

/**
 * Frees the memory of each large packet as soon as the system has taken it. ssh2 makes a new buffer for every 32 KiB that
 * are sent and forgets it; left to the garbage collector, they make it go over the whole heap for every 12 MB, which costs
 * more than hashing and encrypting them.
 */
const freePackets = (socket: Socket): void => {
  const write = socket.write.bind(socket);
  const writeAndFree = (packet: Uint8Array): boolean =>
    write(packet, () => {
      const { buffer } = packet;
      const ownsMemory = buffer instanceof ArrayBuffer && buffer.byteLength === packet.byteLength;
      if (ownsMemory && packet.byteLength >= LARGE) buffer.transfer(0);
    });
  socket.write = writeAndFree; // ssh2 gives a packet and nothing else
};

const notReached = (host: string, port: number, error: NodeJS.ErrnoException): Error => {
  const refused = error.code === 'ECONNREFUSED';
  return new SftpFailure(
    error.code === 'ETIMEDOUT' ? 'timed-out' : 'unreachable',
    refused ? `${host} refuses connections on port ${port}.` : `${host}, port ${port}, cannot be reached.`,
    "Check host and port, and that the partner's firewall lets our addresses in.",
    error.code,
  );
};
