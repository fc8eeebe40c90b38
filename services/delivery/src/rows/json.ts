import type { Column } from './columns.js';
import { BACKSLASH, LF, TAB, UNESCAPED } from './copy-text.js';
import { ANYWHERE, type Dialect } from './dialect.js';

/** One object a line, its members in the order of the columns; cells are JSON as PostgreSQL writes it. */
export const jsonDialect = (columns: readonly Column[]): Dialect => {
  const special = new Uint8Array(256);
  for (const byte of [TAB, LF, BACKSLASH]) special[byte] = ANYWHERE;
  return {
    header: Buffer.alloc(0),
    before: columns.map(({ name, kind }, index) =>
      Buffer.from(`${index === 0 ? '{' : ','}${JSON.stringify(name)}:${kind === 'time' ? '"' : ''}`),
    ),
    afterTime: Buffer.from('Z"'),
    refuses: false,
    end: Buffer.from('}\n'),
    nullCell: Buffer.from('null'),
    emptyCell: Buffer.from('null'),
    blankCells: [Buffer.from('null'), Buffer.from('""')],
    special,
    write: (from, start, end, to, at) => {
      let length = at;
      for (let index = start; index < end; index++) {
        const byte = from[index] ?? 0;
        to[length++] = byte === BACKSLASH ? (UNESCAPED[from[++index] ?? 0] ?? 0) : byte;
      }
      return length;
    },
  };
};
