import type { Socket } from 'node:net';
import { within } from '@waybill/kernel';
import type { ClientChannel } from 'ssh2';
import { unlessAborted } from '../abort.js';
import { resolveAllowed } from '../network.js';
import type { Credentials, Environment } from '../port.js';
import { Authentication } from './authentication.js';
import type { Deadlines } from './deadlines.js';
import { connectionLost, SftpFailure, timedOut } from './failure.js';
import { type Handshake, startHandshake } from './handshake.js';
import { HOST_KEY_FAMILIES, type HostKey, pinnedHostKey } from './host-key.js';
import { SftpSession } from './session.js';
import { openSocket } from './socket.js';

export type StepName = 'reach' | 'transport' | 'host-key' | 'authenticate' | 'open-sftp';

/** Wraps each step of connecting; a proof notes what came of it. `passed` says what is known when it went well. */
export type Step = <T>(name: StepName, work: () => Promise<T>, passed: (value: T) => string) => Promise<T>;

const plainly: Step = (_name, work) => work();

/** The server's host key was confirmed by nobody yet. Nothing secret was sent. */
export class UnconfirmedHostKey extends SftpFailure {
  constructor(readonly hostKey: Required<HostKey>) {
    super(
      'host-key-unknown',
      `The server shows the host key ${hostKey.fingerprint} (${hostKey.algorithm}), which nobody has confirmed yet.`,
      'Compare it with what the partner says, and connect again with it as hostKey.',
    );
  }
}

const hostKeyChanged = (pinned: HostKey, seen: readonly Required<HostKey>[]): SftpFailure =>
  new SftpFailure(
    'host-key-changed',
    `The server shows the host key ${seen.map((key) => `${key.fingerprint} (${key.algorithm})`).join(' and ')}, and ${pinned.fingerprint} is the confirmed one. Nothing was sent.`,
    'Ask the partner whether they changed it. If they did, replace the credentials with the new hostKey; if not, somebody is in between.',
  );

export const connectSftp = async (
  credentials: Credentials,
  environment: Environment,
  deadlines: Deadlines,
  step: Step = plainly,
): Promise<{ readonly session: SftpSession; readonly hostKey: Required<HostKey> }> => {
  const { signal } = environment;
  const host = String(credentials.authentication['host']);
  const port = Number(credentials.authentication['port'] ?? 22);
  const pinned = pinnedHostKey(credentials);
  const authentication = new Authentication(credentials);
  const open: Handshake[] = [];

  const reach = async (): Promise<Socket> => {
    const late = new AbortController();
    const connected = resolveAllowed(host, environment).then((addresses) =>
      openSocket(host, port, addresses, AbortSignal.any([signal, late.signal])),
    );
    return within(deadlines.connect, unlessAborted(signal, connected), () => {
      late.abort(timedOut(`no connection to ${host}, port ${port}`, deadlines.connect));
      return late.signal.reason as Error;
    });
  };
  const inTime = <T>(what: string, work: Promise<T>) =>
    unlessAborted(
      signal,
      within(deadlines.handshake, work, () => timedOut(what, deadlines.handshake)),
    );
  const shakeHands = async (socket: Socket, algorithms: readonly string[]): Promise<Handshake> => {
    const handshake = await inTime('the SSH key exchange', startHandshake(socket, authentication, algorithms)).catch(
      (error: unknown) => {
        socket.destroy();
        throw error;
      },
    );
    open.push(handshake);
    return handshake;
  };

  /** The handshake to go on with: this one, or one about another of the server's keys when the pin does not say which. */
  const verifyHostKey = async (first: Handshake): Promise<Handshake> => {
    if (pinned === undefined) throw new UnconfirmedHostKey(first.hostKey);
    if (first.hostKey.fingerprint === pinned.fingerprint) return first;
    const seen = [first.hostKey];
    const others = pinned.algorithm ? [] : HOST_KEY_FAMILIES.filter((family) => !belongs(first.hostKey, family));
    for (const family of others) {
      const other = await shakeHands(await reach(), family).catch(() => undefined);
      if (other?.hostKey.fingerprint === pinned.fingerprint) return other;
      if (other) seen.push(other.hostKey);
    }
    throw hostKeyChanged(pinned, seen);
  };

  try {
    const socket = await step('reach', reach, (it) => `Connected to ${it.remoteAddress}, port ${it.remotePort}.`);
    const first = await step(
      'transport',
      () => shakeHands(socket, preferring(pinned?.algorithm)),
      ({ hostKey }) => `The server speaks SSH and shows a host key of type ${hostKey.algorithm}.`,
    );
    const trusted = await step(
      'host-key',
      () => verifyHostKey(first),
      ({ hostKey }) => `The server has the confirmed host key ${hostKey.fingerprint} (${hostKey.algorithm}).`,
    );
    for (const handshake of open) if (handshake !== trusted) handshake.abandon();
    trusted.trust();
    await step(
      'authenticate',
      () => inTime('the authentication', trusted.ready),
      () => authentication.passed,
    );
    const session = await step(
      'open-sftp',
      () => inTime('the request for SFTP', openSession(trusted, deadlines)),
      ({ capabilities }) => `The server speaks SFTP and takes ${capabilities.maxWriteBytes} bytes a write.`,
    );
    return { session, hostKey: trusted.hostKey };
  } catch (error) {
    for (const handshake of open) handshake.abandon();
    throw error;
  }
};

const belongs = ({ algorithm }: Required<HostKey>, family: readonly string[]): boolean => family.includes(algorithm);

/** All algorithms, those of the pinned key first: a server with several keys then shows the one we know. */
const preferring = (algorithm: string | undefined): readonly string[] => {
  const family = HOST_KEY_FAMILIES.find((each) => algorithm !== undefined && each.includes(algorithm)) ?? [];
  return [...new Set([...family, ...HOST_KEY_FAMILIES.flat()])];
};

const openSession = async ({ client, socket }: Handshake, deadlines: Deadlines): Promise<SftpSession> => {
  const channel = await new Promise<ClientChannel>((resolve, reject) => {
    if (socket.destroyed) return reject(connectionLost());
    client.once('close', () => reject(connectionLost()));
    client.subsys('sftp', (error, opened) => (error ? reject(noSubsystem(error)) : resolve(opened)));
  });
  const session = new SftpSession(client, socket, channel, deadlines);
  await session.start();
  return session;
};

const noSubsystem = (error: Error): SftpFailure =>
  new SftpFailure(
    'not-supported',
    `The server lets this user in, but gives no SFTP: ${error.message}.`,
    'Ask the partner to allow SFTP for this user.',
  );
