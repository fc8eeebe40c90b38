import { SftpFailure } from './failure.js';
import type { SftpSession } from './session.js';

/** Rejects unless a folder stands at the path; '' is the login folder. */
export const expectFolder = async (session: SftpSession, folder: string): Promise<void> => {
  const found = await session.stat(folder);
  if (found?.isFolder) return;
  throw new SftpFailure(
    'not-found',
    found ? `"${folder}" is a file, not a folder.` : `The folder "${folder}" is not there.`,
    'Ask the partner to create it, or name another folder.',
    'SSH_FX_NO_SUCH_FILE',
  );
};

/** Rejects unless the server holds as many bytes as it acknowledged. */
export const expectSize = async (session: SftpSession, path: string, bytes: number): Promise<void> => {
  const found = await session.stat(path);
  if (found?.size === bytes) return;
  throw new SftpFailure(
    'unexpected',
    `The server holds ${found?.size ?? 'no'} bytes of "${path}", and took ${bytes} from us.`,
    'Ask the partner whether something on their side touches files while they are written.',
  );
};
