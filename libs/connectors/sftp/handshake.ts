import type { Socket } from 'node:net';
import ssh2, { type AuthenticationType, type Client, type ServerHostKeyAlgorithm } from 'ssh2';
import { type Authentication, passwordExpired } from './authentication.js';
import { connectionLost, SftpFailure } from './failure.js';
import { type HostKey, hostKeyOf } from './host-key.js';

/** A TCP connection in the middle of its key exchange: the server has shown its host key, and waits for our verdict. */
export interface Handshake {
  readonly hostKey: Required<HostKey>;
  /** From here on the connection accepts this key alone, also when keys are exchanged anew. */
  trust(): void;
  /** When authentication is over. */
  readonly ready: Promise<void>;
  readonly client: Client;
  readonly socket: Socket;
  abandon(): void;
}

/** Resolves when the server has shown its host key, which is before anything is said about who we are. */
export const startHandshake = (
  socket: Socket,
  authentication: Authentication,
  algorithms: readonly string[],
): Promise<Handshake> => {
  const client = new ssh2.Client();
  let trusted: string | undefined;
  let decide: ((permitted: boolean) => void) | undefined;
  let fail: (error: SftpFailure) => void = () => undefined;
  const ready = new Promise<void>((resolve, reject) => {
    fail = reject;
    client.once('ready', resolve);
    client.on('error', (error: Error & NodeJS.ErrnoException & { level?: string }) =>
      reject(authentication.failure ?? handshakeFailure(error)),
    );
    client.once('close', () => reject(connectionLost()));
    client.on('change password', () => {
      reject(passwordExpired());
      client.end();
    });
  });
  const abandon = () => {
    fail(connectionLost());
    if (trusted === undefined) decide?.(false);
    client.end();
    socket.destroySoon();
  };
  return new Promise((resolve, reject) => {
    ready.catch(reject);
    client.connect({
      sock: socket,
      algorithms: { serverHostKey: [...algorithms] as ServerHostKeyAlgorithm[] },
      readyTimeout: 0, // each step has a deadline of its own
      keepaliveInterval: 15_000,
      hostVerifier: (blob: Buffer, verify: (permitted: boolean) => void) => {
        const hostKey = hostKeyOf(blob);
        if (decide) return verify(hostKey.fingerprint === trusted);
        decide = verify;
        const trust = () => {
          trusted = hostKey.fingerprint;
          verify(true);
        };
        resolve({ hostKey, trust, ready, client, socket, abandon });
      },
      authHandler: (left: AuthenticationType[] | null, partialSuccess: boolean | null) =>
        authentication.next(left, partialSuccess),
      username: '', // every method that `next` answers brings its own
    });
  });
};

/** What ssh2 says when keys or names do not match, told by its texts since it has no codes for them. */
const handshakeFailure = (error: NodeJS.ErrnoException & { readonly level?: string }): SftpFailure => {
  if (/no matching/.test(error.message))
    return new SftpFailure(
      'not-supported',
      `The server and we share no algorithm: ${error.message}.`,
      'Ask the partner to allow a current algorithm (such as curve25519-sha256, aes128-gcm@openssh.com, ssh-ed25519).',
    );
  if (/Connection lost before handshake/.test(error.message))
    return new SftpFailure(
      'unreachable',
      'The server closed the connection before it had introduced itself as an SSH server.',
      'Check the port; if it is right, ask the partner whether a firewall or a limit of connections turns us away.',
      'ECONNRESET',
    );
  if (error.level === 'protocol' || /Invalid identification/.test(error.message))
    return new SftpFailure(
      'not-supported',
      `What answers there does not speak SSH version 2 (${error.message}).`,
      'Check host and port: FTPS and HTTPS are other protocols.',
    );
  return connectionLost(error);
};
