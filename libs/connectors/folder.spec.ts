import fc from 'fast-check';
import { expandFolder } from './folder.js';

const folderOf = (id: string, name = 'VIP') => expandFolder('in/%SEGMENT_ID%', { id, name });

describe('the folder of a segment', () => {
  it.each([
    ['seg-1', 'in/seg-1'],
    ['Élan vital 2026', 'in/Élan vital 2026'],
    ['a_b', 'in/a_b'],
    ['a/b', 'in/a%2Fb'],
    ['a%2Fb', 'in/a%252Fb'],
    ['..', 'in/%2E%2E'],
    ['...', 'in/...'],
    [' a ', 'in/%20a%20'],
    ['a\\b', 'in/a%5Cb'],
  ])('by the id %j is %j', (id, folder) => expect(folderOf(id)).toBe(folder));

  it('by the id is one folder, below the fixed part, and another one for each id', () => {
    const id = fc.string({
      minLength: 1,
      unit: fc.constantFrom('a', '/', '_', '%', '2', 'F', '.', ' ', '\\', '\u0000'),
    });
    fc.assert(
      fc.property(id, id, (one, other) => {
        const folder = folderOf(one).slice('in/'.length);
        expect(folder).not.toMatch(/^\.{1,2}$|[/\\\u0000]|^\s|\s$/);
        expect(folderOf(other) === folderOf(one)).toBe(other === one);
      }),
    );
  });

  it('by the name takes a name for text, whatever it looks like', () => {
    const segment = { id: 'seg-1', name: '%SEGMENT_ID%' };
    expect(expandFolder('in/%SEGMENT_NAME%/%SEGMENT_ID%', segment)).toBe('in/%SEGMENT_ID%/seg-1');
    expect(expandFolder('in/%SEGMENT_NAME%', { ...segment, name: 'a/../b' })).toBe('in/a_.._b');
  });
});
