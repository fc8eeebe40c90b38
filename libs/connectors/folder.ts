/** What the macros at the end of a folder stand for. */
export interface FolderSegment {
  readonly id: string;
  readonly name: string;
}

/** Macros stand at the end of a folder only: one of them, or the name and then the id as two nested folders. */
const MACROS = /(?:^|\/)(?:%SEGMENT_NAME%(?:\/%SEGMENT_ID%)?|%SEGMENT_ID%)$/;

/** A segment's name as one folder: what would split, hide or climb folders becomes an underscore; spaces stay. */
const nameAsFolder = (text: string): string => {
  const name = text.replace(/[/\\\u0000-\u001f\u007f]/g, '_').trim();
  return /^\.*$/.test(name) ? '_' : name;
};

/**
 * A segment's id as one folder, another one for each id: most stay as they are, and what would split, hide or climb folders
 * is percent-encoded, as is the percent sign: `a/b` is `a%2Fb`.
 */
const idAsFolder = (id: string): string =>
  id.replace(/[%/\\\u0000-\u001f\u007f]|^\s+|\s+$|^\.{1,2}$/g, (signs) =>
    [...Buffer.from(signs)].map((byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  );

/** `a/b/` and `a/b` are one folder; `/` stays the root. */
const withoutTrailingSlash = (folder: string): string => folder.replace(/(?<=[^/])\/+$/, '');

/** The folder above the macros, the same for every segment: where a proof tries its rights. */
export const fixedPartOf = (folder: string): string => {
  const trimmed = withoutTrailingSlash(folder);
  const fixed = trimmed.replace(MACROS, '');
  return fixed === '' && trimmed.startsWith('/') ? '/' : fixed;
};

/** Whether a macro stands where it must not: before the end, or the id before the name. */
export const hasMisplacedMacro = (folder: string): boolean => /%SEGMENT_(?:NAME|ID)%/.test(fixedPartOf(folder));

/** The path of a name in a folder as `folderOf` answers it: '' is the login folder or the bucket's root, '/' the root. */
export const pathIn = (folder: string, name: string): string =>
  folder === '' || folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`;

/** A target's folder with its macros expanded; without a segment, the folder above them. */
export const expandFolder = (folder: string, segment?: FolderSegment): string => {
  const macros = segment && MACROS.exec(withoutTrailingSlash(folder))?.[0].replace(/^\//, '');
  if (!macros) return fixedPartOf(folder);
  const expanded = macros.replace(/%SEGMENT_(NAME|ID)%/g, (_, which) =>
    which === 'NAME' ? nameAsFolder(segment.name) : idAsFolder(segment.id),
  );
  return pathIn(fixedPartOf(folder), expanded);
};
