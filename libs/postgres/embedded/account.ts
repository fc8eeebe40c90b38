import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { WaybillError } from '@waybill/kernel';

/** An operating system user, by number. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/**
 * Who the server runs as: undefined is whoever we are. PostgreSQL refuses to run as root, so root lends it another
 * user: the one that owns the data already, else `postgres`, else `nobody`. No user is ever created.
 */
export const serverAccount = (home: string): Account | undefined => {
  if (process.getuid?.() !== 0) return undefined;
  const owner = statSync(home, { throwIfNoEntry: false });
  if (owner !== undefined && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  const account = accountNamed('postgres') ?? accountNamed('nobody');
  if (account === undefined) {
    throw new WaybillError(
      'embedded-database-no-account',
      'internal',
      'PostgreSQL does not run as root, and this system has neither a user postgres nor a user nobody. Create one, run Waybill as an ordinary user, or set DATABASE_URL.',
    );
  }
  return account;
};

const accountNamed = (name: string): Account | undefined => {
  const [uid, gid] = ['-u', '-g'].map((flag) => {
    const { status, stdout } = spawnSync('id', [flag, name], { encoding: 'utf8' });
    return status === 0 ? Number(stdout) : undefined;
  });
  return uid === undefined || gid === undefined ? undefined : { uid, gid };
};
