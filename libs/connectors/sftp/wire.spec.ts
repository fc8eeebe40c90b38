import fc from 'fast-check';
import { attributesFrom, Fields, PACKET, packetOf, PacketReader } from './wire.js';

const packetsIn = (chunks: readonly Buffer[]) => {
  const reader = new PacketReader();
  return chunks.flatMap((chunk) => [...reader.push(chunk)].map((packet) => Buffer.from(packet)));
};

describe('a stream of packets', () => {
  it('is cut into the same packets however it arrives', () => {
    const texts = fc.array(fc.string({ maxLength: 300 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(texts, fc.array(fc.nat(500), { maxLength: 20 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map((text, id) => packetOf(PACKET.STATUS, [id, text])));
        const at = [0, ...cuts.filter((cut) => cut < stream.length).sort((a, b) => a - b), stream.length];
        const chunks = at.slice(1).map((end, index) => stream.subarray(at[index], end));
        const received = packetsIn(chunks).map((packet) => {
          const fields = new Fields(packet);
          expect(fields.byte()).toBe(PACKET.STATUS);
          fields.uint32();
          return fields.text();
        });
        expect(received).toEqual(sent);
      }),
    );
  });

  it.each([
    ['a login script that prints', Buffer.from('Welcome to our server!\n')],
    ['an empty packet', Buffer.alloc(4)],
  ])('that is no SFTP is refused: %s', (_, bytes) => {
    expect(() => packetsIn([bytes])).toThrow('no SFTP');
  });

  it('that names more bytes than it has is refused', () => {
    const fields = new Fields(Buffer.from([0, 0, 0, 9, 1, 2]));
    expect(() => fields.string()).toThrow('no SFTP');
  });
});

it('attributes are read to their end, whichever are there', () => {
  const allOfThem = Buffer.concat([
    Buffer.from('8000000f', 'hex'), // size, owner, permissions, times, extended
    Buffer.from('0000000100000002', 'hex'), // size
    Buffer.from('000003e8000003e9', 'hex'), // user, group
    Buffer.from('000041ed', 'hex'), // a folder, rwxr-xr-x
    Buffer.from('6600000066000001', 'hex'), // times
    Buffer.from('00000001', 'hex'), // one extended pair
    Buffer.from('00000001610000000162', 'hex'), // a: b
  ]);
  const fields = new Fields(allOfThem);
  expect(attributesFrom(fields)).toEqual({ size: 2 ** 32 + 2, isFolder: true });
  expect(fields.atEnd).toBe(true);
  expect(attributesFrom(new Fields(Buffer.alloc(4)))).toEqual({ size: 0, isFolder: false });
});
