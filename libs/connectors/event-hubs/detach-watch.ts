import { notAmqp } from './failure.js';

/** `size` (4 bytes), offset of the body in words, type, channel (2 bytes); AMQP 1.0, 2.3.1. */
const HEADER = 8;
const AMQP_FRAME = 0;
/** A described list whose descriptor is the small number of `detach` (2.7.7). */
const DETACH = Buffer.from([0x00, 0x53, 0x16]);
const PROTOCOL = Buffer.from('AMQP');
/** Nothing that the service has to say to a sender is nearly as large. */
const MOST_BYTES = 1 << 20;

/**
 * Sees in what arrives that the service closes a link. The SDK sees it too, and lets a batch that is under way on that link
 * wait for its deadline. Answers a function that is to be given every chunk; it throws when a frame is too large to be one.
 */
export const watchDetach = (onDetach: () => void): ((chunk: Buffer) => void) => {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= HEADER) {
      const isProtocolHeader = rest.subarray(0, PROTOCOL.length).equals(PROTOCOL);
      const size = isProtocolHeader ? HEADER : Math.max(rest.readUInt32BE(0), HEADER);
      if (size > MOST_BYTES) throw notAmqp();
      if (rest.length < size) return;
      const body = rest.subarray(rest.readUInt8(4) * 4, size);
      const isAmqp = !isProtocolHeader && rest.readUInt8(5) === AMQP_FRAME;
      if (isAmqp && body.subarray(0, DETACH.length).equals(DETACH)) onDetach();
      rest = rest.subarray(size);
    }
  };
};
