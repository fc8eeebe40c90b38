import fc from 'fast-check';
import { folderOfPath, isTemporaryOf, temporaryPath } from './names.js';

const nameOf = (path: string) => path.slice(path.lastIndexOf('/') + 1);

describe('a temporary name', () => {
  it('is hidden, beside the final name, and no file that anybody waits for', () => {
    expect(temporaryPath('/in/vip', 'run-1/part-2')).toBe('/in/vip/.waybill-run-1~2fpart-2.part');
    expect(temporaryPath('', 'run-1')).toBe('.waybill-run-1.part');
    expect(temporaryPath('/', 'run-1')).toBe('/.waybill-run-1.part');
  });

  it('tells its owner: a prefix of the owner finds it, and nothing else does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), fc.string({ unit: 'grapheme' }), (owner, other) => {
        const name = nameOf(temporaryPath('in', owner));
        expect(name).not.toMatch(/[/\s\p{Cc}]/u);
        expect(isTemporaryOf(name, owner)).toBe(true);
        expect(isTemporaryOf(name, [...owner].slice(0, 3).join(''))).toBe(true);
        expect(isTemporaryOf(name, other)).toBe(owner.startsWith(other));
      }),
    );
  });

  it('is not found by what only its ending agrees with', () => {
    expect(isTemporaryOf(temporaryPath('', 'run-1'), 'run-1.')).toBe(false);
    expect(isTemporaryOf(temporaryPath('', 'run-1'), 'run-1.part')).toBe(false);
    expect(isTemporaryOf(temporaryPath('', ''), '.')).toBe(false);
  });
});

it.each([
  ['/in/a.csv', '/in'],
  ['in/vip/a.csv', 'in/vip'],
  ['a.csv', ''],
  ['/a.csv', '/'],
])('the folder of %s is "%s"', (path, folder) => {
  expect(folderOfPath(path)).toBe(folder);
});
