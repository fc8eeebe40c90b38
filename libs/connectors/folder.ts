import type { SegmentLabel } from './port.js';

/** Macros stand at the end of a folder only: after a slash, one, or the name and then the id as two nested folders. */
const MACROS = /(?:^|\/)%SEGMENT_NAME%(?:\/%SEGMENT_ID%)?$|(?:^|\/)%SEGMENT_ID%$/;

/** A segment's name or id as one folder: what would split, hide or climb folders becomes an underscore; spaces stay. */
const asFolderName = (text: string): string => {
  // eslint-disable-next-line no-control-regex
  const name = text.replace(/[/\\\u0000-\u001f\u007f]/g, '_').trim();
  return /^\.*$/.test(name) ? '_' : name;
};

const trimSlashes = (folder: string): string => folder.replace(/\/+$/, '');

/** The part of a folder that is the same for every segment: where a proof tries its rights. */
export const fixedPartOf = (folder: string): string => trimSlashes(trimSlashes(folder).replace(MACROS, ''));

/** Whether macros stand only where they may: at the end, name before id. */
export const hasMisplacedMacro = (folder: string): boolean => /%SEGMENT_(?:NAME|ID)%/.test(fixedPartOf(folder));

export const expandFolder = (folder: string, segment: SegmentLabel): string => {
  const macros = MACROS.exec(trimSlashes(folder))?.[0] ?? '';
  const expanded = macros
    .replace('%SEGMENT_NAME%', () => asFolderName(segment.name))
    .replace('%SEGMENT_ID%', () => asFolderName(segment.id));
  return `${fixedPartOf(folder)}${expanded}`;
};
