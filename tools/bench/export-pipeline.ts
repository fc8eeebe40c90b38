import { spawn, spawnSync } from 'node:child_process';
import { chmod, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { audienceTables, loadMembers } from '@waybill/audience';
import type { Credentials } from '@waybill/connectors';
import { GZIP_LEVEL } from '@waybill/delivery';
import { migrate, openDatabase } from '@waybill/postgres';
import { findGnuPG } from '@waybill/testkit/gnupg';
import { findOpenSsh, findOpenSshWithDisk, type OpenSshServer } from '@waybill/testkit/openssh';
import { openBenchServer } from './database.js';
import { BASELINE_QUERY, contextOf, IDENTITY_COLUMN, SCOPE, SEGMENT } from './export-data.js';
import { type ExportDone, runExport } from './export-job.js';
import { csvOf } from './profiles.js';
import { alternate, type Bench, type BenchOptions, type BenchRow, rates } from './result.js';
import { ed25519Key } from '@waybill/testkit/ssh-key';

const MILLION = 1_000_000;
const MOST_MEGABYTES = 300;
/** From 1 M to 10 M rows. */
const MOST_GROWTH = 1.1;

/**
 * Rows from the database to a file at the partner: read, CSV, gzip where named, OpenPGP, SFTP. The baseline is what somebody
 * would write in a shell, over the same rows of the same view, the same key, cipher and compression, to the same server.
 */
export const exportPipeline: Bench = async (options) => {
  const name = '1 M profiles → CSV → PGP → SFTP';
  const missing = missingPrograms();
  if (missing !== undefined) return [{ name, notRun: missing }];
  const place = await openPlace();
  try {
    return await measureAll(name, options, place);
  } finally {
    await place.close();
  }
};

const missingPrograms = (): string | undefined => {
  const openSsh = findOpenSsh();
  if (!openSsh.available) return openSsh.reason;
  const gnuPG = findGnuPG();
  if (!gnuPG.available) return gnuPG.reason;
  const psql = spawnSync('psql', ['--version']).status === 0;
  return psql ? undefined : 'psql is not installed (Debian: postgresql-client)';
};

const measureAll = async (name: string, options: BenchOptions, place: Place): Promise<readonly BenchRow[]> => {
  const million = await place.audienceOf(MILLION, options);
  const rows: BenchRow[] = [];
  const residents: number[] = [];
  for (const compression of ['none', 'gzip'] as const) {
    const measured = await alternate(
      options.rounds,
      async () => {
        const { seconds, residentMegabytes } = await million.ours(compression);
        options.progress(`ours, compression ${compression}: ${seconds.toFixed(1)} s`);
        residents.push(residentMegabytes);
        return MILLION / seconds;
      },
      async () => {
        const seconds = await million.baseline(compression);
        options.progress(`psql | gpg | sftp, compression ${compression}: ${seconds.toFixed(1)} s`);
        return MILLION / seconds;
      },
    );
    rows.push(
      rates({
        name: compression === 'none' ? name : `${name}, with gzip`,
        ...measured,
        baselineName: compression === 'none' ? 'psql COPY | gpg, sftp put' : 'psql COPY | gzip | gpg, sftp put',
        budget: { kind: 'ratio', atLeast: 0.8 },
        unit: 'rows/s',
      }),
    );
  }
  await million.drop();
  const highest = Math.max(...residents);
  const memory = { unit: 'MB', budget: { kind: 'value', atMost: MOST_MEGABYTES } } as const;
  rows.push({ name: 'resident memory of it', ours: highest, ...memory });
  if (!options.large) return rows;

  const tenMillion = await place.audienceOf(10 * MILLION, options);
  const { residentMegabytes } = await tenMillion.ours('gzip');
  await tenMillion.drop();
  const budget = { kind: 'value', atMost: Math.min(MOST_MEGABYTES, highest * MOST_GROWTH) } as const;
  return [...rows, { name: 'resident memory with 10 M profiles', ours: residentMegabytes, unit: 'MB', budget }];
};

interface Audience {
  ours(compression: 'none' | 'gzip'): Promise<ExportDone>;
  /** In seconds. */
  baseline(compression: 'none' | 'gzip'): Promise<number>;
  drop(): Promise<void>;
}

interface Place {
  audienceOf(rows: number, options: BenchOptions): Promise<Audience>;
  close(): Promise<void>;
}

const openPlace = async (): Promise<Place> => {
  const openSsh = findOpenSsh();
  const gnuPG = findGnuPG();
  if (!openSsh.available || !gnuPG.available) throw new Error('They were there a moment ago.');
  const home = await mkdtemp(join(tmpdir(), 'waybill-bench-export-'));
  const keyRing = gnuPG.value();
  const database = await openBenchServer();
  // In memory where that can be mounted, so that the partner's disk is not measured.
  const partner = await openSsh.value.start(findOpenSshWithDisk().available ? { diskBytes: 8e9 } : {});
  const sshKey = ed25519Key();
  await partner.authorize(sshKey.public);
  const fingerprint = await keyRing.makeKey({ userId: 'partner', primary: 'rsa3072', encryption: 'rsa3072' });
  const encryptionKey = await keyRing.exportArmored(fingerprint);
  const shell = await writeShell(home, partner, { sshKey: sshKey.private, encryptionKey });

  return {
    audienceOf: async (rows, { progress }) => {
      progress(`loading ${rows} profiles`);
      const { url, drop } = await database.database();
      await loadAudience(url, rows);
      const received = async <T>(path: string, work: () => Promise<T>): Promise<T> => {
        const done = await work();
        const file = join(partner.root, path);
        if ((await stat(file)).size === 0) throw new Error('An empty file arrived.');
        await rm(file);
        return done;
      };
      const path = `${partner.folder}/customers.pgp`;
      return {
        ours: (compression) =>
          received(path, () =>
            runExport({
              databaseUrl: url,
              rows,
              compression,
              encryptionKey,
              credentials: credentialsFor(partner, sshKey.private),
              folder: partner.folder,
              path,
            }),
          ),
        baseline: (compression) => received(path, () => shell(url, compression, path)),
        drop,
      };
    },
    close: async () => {
      await partner.stop();
      await database.close();
      await keyRing.close();
      await rm(home, { recursive: true, force: true });
    },
  };
};

const loadAudience = async (url: string, rows: number): Promise<void> => {
  const database = await openDatabase({ url, schema: 'audience' });
  await migrate(database, 'audience', audienceTables);
  const format = { type: 'csv', identity: IDENTITY_COLUMN } as const;
  async function* csv() {
    yield* csvOf(rows);
  }
  await loadMembers(database, { context: contextOf(SCOPE), segmentId: SEGMENT.id, mode: 'merge', format }, csv());
  await database.pool.query('checkpoint');
  await database.close();
};

const credentialsFor = ({ host, port, username, hostKeys }: OpenSshServer, privateKey: string): Credentials => ({
  scope: SCOPE,
  accountId: 'bench',
  method: 'ssh-key',
  authentication: { host, port, username, privateKey, hostKey: hostKeys.ed25519 },
  findings: {},
});

/** The pipeline as a person writes it; sftp takes files only, so the file is made first. Answers its seconds. */
const writeShell = async (
  home: string,
  partner: OpenSshServer,
  keys: { readonly sshKey: string; readonly encryptionKey: string },
): Promise<(url: string, compression: 'none' | 'gzip', path: string) => Promise<number>> => {
  const [identity, knownHosts, recipient] = ['identity', 'known_hosts', 'recipient.asc'].map((name) =>
    join(home, name),
  );
  await writeFile(identity!, keys.sshKey);
  await chmod(identity!, 0o600);
  await chmod(home, 0o700);
  await writeFile(knownHosts!, `[${partner.host}]:${partner.port} ${partner.hostKeys.ed25519}\n`);
  await writeFile(recipient!, keys.encryptionKey);
  const ssh = `-q -F none -P ${partner.port} -i ${identity} -o UserKnownHostsFile=${knownHosts} -o IdentitiesOnly=yes -o IdentityAgent=none`;

  return async (url, compression, path) => {
    const script = `set -euo pipefail
      psql "$DATABASE" -qc '${`copy (${BASELINE_QUERY}) to stdout (format csv, header)`.replaceAll("'", `'\\''`)}' \\
      ${compression === 'gzip' ? `| gzip -${GZIP_LEVEL}` : ''} \\
      | gpg --homedir ${home} --batch --yes --trust-model always --compress-algo none --recipient-file ${recipient} \\
        --output ${home}/file.pgp --encrypt
      sftp ${ssh} -b - ${partner.username}@${partner.host} <<< 'put ${home}/file.pgp ${path}'`;
    const start = performance.now();
    const child = spawn('bash', ['-c', script], {
      env: { ...process.env, DATABASE: url },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    const code = await new Promise((resolve, reject) => child.once('error', reject).once('exit', resolve));
    if (code !== 0) throw new Error(`The shell pipeline ended with ${String(code)}.`);
    return (performance.now() - start) / 1000;
  };
};
