import { ndjsonMembers } from './ndjson-members.js';
import { MAX_MEMBER_BYTES } from './upload-reader.js';

const read = (text: string | Buffer, chunkBytes = Infinity) => {
  const bytes = Buffer.from(text as string);
  const reader = ndjsonMembers();
  const found = [];
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    found.push(...reader.read(bytes.subarray(at, Math.min(at + chunkBytes, bytes.length))));
  }
  return [...found, ...reader.end()];
};
const reasonOf = (line: string | Buffer): string | undefined => {
  const [found] = read(line);
  return found && 'reason' in found ? found.reason : undefined;
};

describe('NDJSON', () => {
  it('is members, one a line, in whatever pieces it comes', () => {
    const text =
      '\ufeff{"id":"p1"}\r\n\n' +
      '{"id":"p2","status":"existing","identities":{"email":"a@x","crm":["1","2","1"]},"attributes":{"n":{"é":[1,null]}}}\n' +
      '{"id":"p3","status":"exited"}';
    for (const chunkBytes of [1, 5, Infinity]) {
      expect(read(text, chunkBytes)).toEqual([
        { line: 1, id: 'p1', status: 'realized', identities: '{}', attributes: '{}' },
        {
          line: 3,
          id: 'p2',
          status: 'realized',
          identities: '{"email":["a@x"],"crm":["1","2"]}',
          attributes: '{"n":{"é":[1,null]}}',
        },
        { line: 4, id: 'p3', status: 'exited', identities: '{}', attributes: '{}' },
      ]);
    }
  });

  it('rejects a broken line and reads on', () => {
    expect(read('{"id":"p1"}\n{"id":\n{"id":"p3"}\n')).toEqual([
      expect.objectContaining({ id: 'p1' }),
      { line: 2, reason: expect.stringContaining('not valid JSON') },
      expect.objectContaining({ line: 3, id: 'p3' }),
    ]);
  });

  it.each([
    ['{"id":"x" "y"}', 'is not valid JSON (at character 11)'],
    ['[]', 'is not a JSON object'],
    ['null', 'is not a JSON object'],
    ['{"id":"p","atributes":{}}', 'has the unknown field "atributes"; known are id, identities, attributes, status'],
    ['{}', 'has no "id"'],
    ['{"id":7}', 'its "id" is not a string'],
    ['{"id":""}', 'its "id" is empty'],
    ['{"id":"a\\u0000b"}', 'its "id" holds a control character'],
    ['{"id":"\\ud800"}', 'its "id" holds half of a surrogate pair, which is no character'],
    [`{"id":"${'x'.repeat(257)}"}`, 'its "id" has more than 256 characters'],
    ['{"id":"p","status":"toString"}', 'its "status" is none of realized, existing, exited'],
    ['{"id":"p","attributes":[]}', 'its "attributes" are not an object'],
    ['{"id":"p","attributes":{"a":"\\u0000"}}', 'its "attributes" hold a NUL character, which no text may'],
    [
      '{"id":"p","attributes":{"a":["\\udc00"]}}',
      'its "attributes" hold half of a surrogate pair, which is no character',
    ],
    ['{"id":"p","attributes":{"a":1e999}}', 'holds a number that is out of the range of a double'],
    ['{"id":"p","attributes":{"a":1e-999}}', 'holds a number that is out of the range of a double'],
    [
      `{"id":"p","attributes":{"a":${'['.repeat(40)}${']'.repeat(40)}}}`,
      'its "attributes" are nested more than 32 levels deep',
    ],
    ['{"id":"p","identities":"a@x"}', 'its "identities" are not an object'],
    ['{"id":"p","identities":{"email":[1]}}', 'an id in "identities.email" is not a string'],
    ['{"id":"p","identities":{"":"x"}}', 'a namespace of its "identities" is empty'],
  ])('rejects %s with the reason', (line, reason) => {
    expect(reasonOf(line)).toBe(reason);
  });

  it('rejects a line that is not UTF-8', () => {
    expect(reasonOf(Buffer.from('{"id":"é"}', 'latin1'))).toBe('is not valid UTF-8');
  });

  it.each([1000, Infinity])('passes over a line of more than 1 MiB in chunks of %d bytes', (chunkBytes) => {
    const long = `{"id":"p","attributes":{"a":"${'x'.repeat(2 * MAX_MEMBER_BYTES)}"}}`;
    expect(read(`${long}\n{"id":"q"}\n${long}`, chunkBytes)).toEqual([
      { line: 1, reason: expect.stringContaining('1 MiB') },
      expect.objectContaining({ line: 2, id: 'q' }),
      { line: 3, reason: expect.stringContaining('1 MiB') },
    ]);
  });

  it('keeps every digit of a number', () => {
    const attributes = '{"a":12345678901234567890,"b":[0.12345678901234567890],"c":1.5e300}';
    expect(read(`{"id":"p","attributes":${attributes}}`)).toEqual([expect.objectContaining({ attributes })]);
  });
});
