import fc from 'fast-check';
import { watchDetach } from './detach-watch.js';

const header = Buffer.from('AMQP\x00\x01\x00\x00', 'latin1');
const frame = (type: number, performative: number, rest: Uint8Array = Buffer.alloc(0)): Buffer => {
  const body = Buffer.concat([Buffer.from([0x00, 0x53, performative]), rest]);
  const start = Buffer.from([0, 0, 0, 0, 2, type, 0, 1]);
  start.writeUInt32BE(start.length + body.length);
  return Buffer.concat([start, body]);
};
const heartbeat = Buffer.from([0, 0, 0, 8, 2, 0, 0, 0]);
const [disposition, detach, sasl] = [frame(0, 0x15), frame(0, 0x16), frame(1, 0x16)];

it('sees each closed link, however the bytes are cut, and takes nothing else for one', () => {
  const pieces = fc.array(
    fc.oneof(
      fc.constantFrom(header, heartbeat, disposition, detach, sasl),
      fc.uint8Array({ maxLength: 50 }).map((rest) => frame(0, 0x14, Buffer.concat([rest, detach]))),
    ),
  );
  fc.assert(
    fc.property(pieces, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1 }), (stream, cuts) => {
      let seen = 0;
      const watch = watchDetach(() => (seen += 1));
      const bytes = Buffer.concat(stream);
      for (let at = 0, n = 0; at < bytes.length; n += 1) {
        const cut = cuts[n % cuts.length]!;
        watch(bytes.subarray(at, at + cut));
        at += cut;
      }
      expect(seen).toBe(stream.filter((piece) => piece === detach).length);
    }),
  );
});

it('refuses what announces a frame that no service sends, such as HTTP', () => {
  expect(() => watchDetach(() => undefined)(Buffer.from('HTTP/1.1 400 Bad Request'))).toThrow('AMQP 1.0');
});
