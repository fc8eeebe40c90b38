import { pathIn } from '../folder.js';

/** The folder of a path: '' is the login folder, '/' the root. */
export const folderOfPath = (path: string): string => {
  const slash = path.lastIndexOf('/');
  return slash === 0 ? '/' : path.slice(0, Math.max(slash, 0));
};

/** Byte by byte, so that the name of a prefix of an owner is a prefix of the owner's name. */
const encoded = (owner: string): string =>
  [...Buffer.from(owner)]
    .map((byte) => String.fromCharCode(byte))
    .map((letter) => (/[\w.-]/.test(letter) ? letter : `~${letter.charCodeAt(0).toString(16).padStart(2, '0')}`))
    .join('');

const PREFIX = '.waybill-';
const SUFFIX = '.part';

/** Hidden, and beside the final name: a rename from another folder may be a copy. */
export const temporaryPath = (folder: string, owner: string): string =>
  pathIn(folder, `${PREFIX}${encoded(owner)}${SUFFIX}`);

/** Whether a name is that of a temporary file whose owner starts so. */
export const isTemporaryOf = (name: string, ownerPrefix: string): boolean =>
  name.startsWith(PREFIX) &&
  name.endsWith(SUFFIX) &&
  name.slice(PREFIX.length, -SUFFIX.length).startsWith(encoded(ownerPrefix));
