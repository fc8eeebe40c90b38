import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { buffer, text } from 'node:stream/consumers';
import { type Availability, available, unavailable } from '../availability/index.js';
import { ensureDebianPackages } from '../install/index.js';

/** A key to be made, in GnuPG's words. */
export interface KeyRequest {
  readonly userId: string;
  /** `rsa4096`, `ed25519`, … */
  readonly primary: string;
  /** Of the subkey: `rsa4096`, `cv25519`, …; none when left out. */
  readonly encryption?: string;
  /** Made then, and expired a year later. */
  readonly madeAt?: `${number}T000000`;
}

/** The genuine GnuPG on a key ring of its own. */
export interface GnuPG {
  readonly version: string;
  /** The fingerprint. */
  makeKey(request: KeyRequest): Promise<string>;
  revoke(fingerprint: string): Promise<void>;
  exportArmored(...fingerprints: readonly string[]): Promise<string>;
  exportBinary(fingerprint: string): Promise<Buffer>;
  exportSecret(fingerprint: string): Promise<string>;
  /** Rejects with what GnuPG says when it cannot, also for a missing or broken modification detection code. */
  decrypt(message: AsyncIterable<Uint8Array>): Promise<Buffer>;
  /** What it says of a message's packets. */
  listPackets(message: Uint8Array): Promise<string>;
  close(): Promise<void>;
}

export const findGnuPG = (): Availability<() => GnuPG> =>
  ensureDebianPackages('/usr/bin/gpg', ['gnupg']) || spawnSync('gpg', ['--version']).status === 0
    ? available(openGnuPG)
    : unavailable('GnuPG is not installed (Debian: gnupg)');

const openGnuPG = (): GnuPG => {
  // In the folder for temporary files and short: the agent's socket has a path of at most 108 bytes.
  const home = mkdtempSync(join(tmpdir(), 'gpg-'));

  const gpg = async (
    args: readonly string[],
    input?: AsyncIterable<Uint8Array> | Iterable<string | Uint8Array>,
  ): Promise<Buffer> => {
    const child = spawn('gpg', [
      '--homedir',
      home,
      '--batch',
      '--no-tty',
      '--pinentry-mode',
      'loopback',
      '--passphrase',
      '',
      ...args,
    ]);
    const exit = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('close', resolve));
    const feeding = pipeline(Readable.from(input ?? []), child.stdin).catch((error: unknown) => error);
    const [output, complaint, code, fed] = await Promise.all([buffer(child.stdout), text(child.stderr), exit, feeding]);
    if (code !== 0) throw new Error(`gpg ${args.join(' ')} ended with ${code}: ${complaint}`);
    if (fed instanceof Error) throw fed;
    return output;
  };

  return {
    version: (spawnSync('gpg', ['--version'])
      .stdout.toString()
      .match(/\d+\.\d+\.\d+/) ?? [''])[0],

    async makeKey({ userId, primary, encryption, madeAt }) {
      const clock = madeAt === undefined ? [] : ['--faked-system-time', `${madeAt}!`];
      const expiry = madeAt === undefined ? 'never' : '1y';
      await gpg([...clock, '--quick-gen-key', userId, primary, 'sign', expiry]);
      const listed = await gpg(['--with-colons', '--list-keys', `=${userId}`]);
      const fingerprint = /^fpr:+([0-9A-F]+):/m.exec(listed.toString())?.[1];
      if (fingerprint === undefined) throw new Error(`GnuPG made no key for ${userId}`);
      if (encryption !== undefined) await gpg([...clock, '--quick-add-key', fingerprint, encryption, 'encr', expiry]);
      return fingerprint;
    },

    async revoke(fingerprint) {
      const certificate = await readFile(join(home, 'openpgp-revocs.d', `${fingerprint}.rev`), 'utf8');
      // GnuPG puts a colon before it, so that nobody imports it by accident.
      await gpg(['--import'], [certificate.slice(certificate.indexOf(':-----BEGIN') + 1)]);
    },

    exportArmored: async (...fingerprints) => (await gpg(['--armor', '--export', ...fingerprints])).toString(),
    exportBinary: (fingerprint) => gpg(['--export', fingerprint]),
    exportSecret: async (fingerprint) => (await gpg(['--armor', '--export-secret-keys', fingerprint])).toString(),
    decrypt: (message) => gpg(['--quiet', '--decrypt'], message),
    listPackets: async (message) => (await gpg(['--list-packets', '--verbose'], [message])).toString(),

    async close() {
      spawnSync('gpgconf', ['--homedir', home, '--kill', 'all']);
      await rm(home, { recursive: true, force: true });
    },
  };
};
