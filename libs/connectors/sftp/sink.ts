import { WaybillError, within } from '@waybill/kernel';
import { unlessAborted } from '../abort.js';
import { pathIn } from '../folder.js';
import type { Credentials, Environment, FileSink, PublishedFile, StagedFile } from '../port.js';
import { connectSftp } from './connection.js';
import type { Deadlines } from './deadlines.js';
import { expectFolder, expectSize } from './expectations.js';
import { SftpFailure, timedOut, toWaybillError } from './failure.js';
import { folderOfPath, isTemporaryOf, temporaryPath } from './names.js';
import { sha256At } from './read-back.js';
import type { SftpSession } from './session.js';
import { folderOf } from './spec.js';
import { upload } from './upload.js';

/** How the server's plain rename treats a taken name, as the proof of the target found (its finding `rename`). */
export type RenameManner =
  | 'refuses' // the rule: the name is ours or the rename fails
  | 'replaces' // we look first, and say in the run that two writers could meet
  | 'unsupported'; // posix-rename stands in, with the same reservation

const temporaryOf = ({ handle }: StagedFile): string => String(handle['temporary']);

class SftpFileSink implements FileSink {
  #connecting: Promise<SftpSession> | undefined;

  constructor(
    private readonly credentials: Credentials,
    /** Folders below this one are made on the way, this one is not. */
    private readonly targetFolder: string,
    private readonly environment: Environment,
    private readonly deadlines: Deadlines,
  ) {}

  connect = (): Promise<void> => this.#call(() => Promise.resolve());

  stage: FileSink['stage'] = async (path, content, { owner, onProgress }) => {
    this.#assertInside(path);
    const folder = folderOfPath(path);
    const temporary = temporaryPath(folder, owner);
    const { signal } = this.environment;
    let session: SftpSession | undefined;
    let handle: Buffer | undefined;
    let mayBeLeft = false;
    try {
      session = await this.#connected();
      await unlessAborted(signal, this.#makeFolders(session, folder));
      await unlessAborted(signal, session.remove(temporary));
      mayBeLeft = true;
      handle = await unlessAborted(signal, session.create(temporary));
      const { bytes, sha256 } = await upload(session, { handle, path: temporary }, content, signal, onProgress);
      if (session.capabilities.fsync) await unlessAborted(signal, session.fsync(handle, temporary, bytes));
      await unlessAborted(signal, session.close(handle, temporary, bytes));
      await unlessAborted(signal, expectSize(session, temporary, bytes));
      return { path, bytes, sha256, handle: { temporary } };
    } catch (error) {
      const told = error instanceof SftpFailure && session?.alive ? await session.explain(error, folder) : error;
      if (mayBeLeft) await this.#cleanUp(temporary, session, handle);
      throw toWaybillError(told);
    }
  };

  publish: FileSink['publish'] = (staged) =>
    this.#call(async (session): Promise<PublishedFile> => {
      const { path, bytes } = staged;
      if (await session.stat(path)) return this.#settle(session, staged);
      try {
        const fallback = await this.#rename(session, staged);
        return { path, bytes, outcome: 'published', ...(fallback ? { fallback } : {}) };
      } catch (error) {
        if (!(error instanceof SftpFailure) || !session.alive) throw error;
        if (await session.stat(path)) return this.#settle(session, staged);
        if (await session.stat(temporaryOf(staged))) throw error;
        throw new WaybillError(
          'staged-file-lost',
          'refused',
          `The temporary file "${temporaryOf(staged)}" is gone: somebody at the partner removed it before "${path}" could be published. It has to be uploaded again.`,
        );
      }
    });

  verify: FileSink['verify'] = ({ path, bytes }) =>
    this.#call(async (session) => {
      const found = await session.stat(path).catch((error: unknown) => {
        if (error instanceof SftpFailure && error.code === 'permission-denied') return 'unreadable' as const;
        throw error;
      });
      if (found === 'unreadable') return found;
      if (found?.size === bytes) return 'size';
      throw new WaybillError(
        'verification-failed',
        'refused',
        found
          ? `"${path}" holds ${found.size} bytes, and ${bytes} were delivered: somebody at the partner changed it.`
          : `"${path}" is gone: somebody at the partner moved or removed it.`,
      );
    });

  stat: FileSink['stat'] = (path) =>
    this.#call(async (session) => {
      const found = await session.stat(path);
      return found ? { bytes: found.size } : null;
    });

  discard: FileSink['discard'] = (staged) =>
    this.#call(async (session) => {
      await session.remove(temporaryOf(staged));
    });

  sweep: FileSink['sweep'] = (folder, ownerPrefix) =>
    this.#call(async (session) => {
      if (!(await session.stat(folder))) return 0;
      const names = (await session.list(folder)).filter((name) => isTemporaryOf(name, ownerPrefix));
      let removed = 0;
      for (const name of names) if (await session.remove(pathIn(folder, name))) removed += 1;
      return removed;
    });

  close: FileSink['close'] = async () => {
    const session = await this.#connecting?.catch(() => undefined);
    this.#connecting = undefined;
    await session?.end();
  };

  /** The living session; a new one, with the host key checked anew, when it was lost. One at a time. */
  #connected(): Promise<SftpSession> {
    const open = async () => (await connectSftp(this.credentials, this.environment, this.deadlines)).session;
    this.#connecting = this.#connecting?.then((session) => (session.alive ? session : open()), open) ?? open();
    return this.#connecting;
  }

  async #call<T>(work: (session: SftpSession) => Promise<T>): Promise<T> {
    try {
      return await unlessAborted(this.environment.signal, this.#connected().then(work));
    } catch (error) {
      throw toWaybillError(error);
    }
  }

  /** Makes what is missing between the target's folder and this one. */
  async #makeFolders(session: SftpSession, folder: string): Promise<void> {
    if (folder === this.targetFolder) return expectFolder(session, folder);
    if (await session.stat(folder)) return;
    await this.#makeFolders(session, folderOfPath(folder));
    await session.makeFolder(folder).catch(async (error: unknown) => {
      // Another export may have made it at the same moment.
      if (!(error instanceof SftpFailure && session.alive && (await session.stat(folder)))) throw error;
    });
  }

  async #rename(session: SftpSession, staged: StagedFile): Promise<string | undefined> {
    const manner = this.credentials.findings['rename'] as RenameManner | undefined;
    const [from, to, bytes] = [temporaryOf(staged), staged.path, staged.bytes];
    try {
      if (manner !== 'unsupported') {
        await session.rename(from, to, bytes);
        return manner === 'replaces' ? 'rename-replaces' : undefined;
      }
    } catch (error) {
      const unsupported = error instanceof SftpFailure && error.code === 'not-supported';
      if (!unsupported || !session.capabilities.posixRename) throw error;
    }
    await session.posixRename(from, to, bytes);
    return 'posix-rename';
  }

  /** The name is taken: by these very bytes, which is as good as published, or by others. */
  async #settle(session: SftpSession, staged: StagedFile): Promise<PublishedFile> {
    const { path, bytes, sha256 } = staged;
    const found = await session.stat(path);
    const held = found?.size === bytes ? await this.#contentOf(session, staged) : 'other content';
    if (held !== sha256) {
      throw new WaybillError(
        'name-taken',
        'conflict',
        `"${path}" is there already with ${held} (${found?.size ?? 0} bytes), and was left alone. Move that file away, or let the file name tell one export from the next.`,
      );
    }
    await session.remove(temporaryOf(staged));
    return { path, bytes, outcome: 'settled' };
  }

  /** The SHA-256 of what stands under the name, or in words why it does not settle anything. */
  async #contentOf(session: SftpSession, { path, bytes, sha256 }: StagedFile): Promise<string> {
    try {
      const found = await sha256At(session, path, bytes);
      return found === sha256 ? found : 'other content';
    } catch (error) {
      if (error instanceof SftpFailure && error.code === 'permission-denied') return 'content that we may not read';
      throw error;
    }
  }

  /** On a new connection when the old one was lost. What cannot be removed now is found by a later sweep. */
  async #cleanUp(temporary: string, session: SftpSession | undefined, handle: Buffer | undefined): Promise<void> {
    const remove = async () => {
      // Some servers remove no file that is open.
      if (handle && session?.alive) await session.close(handle, temporary);
      await (await this.#connected()).remove(temporary);
    };
    const { cleanup } = this.deadlines;
    await within(cleanup, remove(), () => timedOut(`removing "${temporary}"`, cleanup)).catch(() => undefined);
  }

  #assertInside(path: string): void {
    const { targetFolder: top } = this;
    const folder = folderOfPath(path);
    const inside =
      top === '' ? !path.startsWith('/') : folder === top || folder.startsWith(top === '/' ? top : `${top}/`);
    if (!inside || path.split('/').includes('..'))
      throw new WaybillError('path-outside-target', 'internal', `"${path}" is not in the target's folder "${top}".`);
  }
}

/** Connects first, so that what is wrong with the account is said before a file is begun. */
export const openSftpFileSink = async (
  credentials: Credentials,
  target: Readonly<Record<string, unknown>>,
  environment: Environment,
  deadlines: Deadlines,
): Promise<FileSink> => {
  const sink = new SftpFileSink(credentials, folderOf(target), environment, deadlines);
  await sink.connect();
  return sink;
};
