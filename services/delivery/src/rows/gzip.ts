import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';

/** gzip's own default: measured, lower levels save no time where encryption and network follow. */
const LEVEL = 6;
const CHUNK_BYTES = 256 * 1024;

/** Without a name and with no time in its header, so that the same bytes in are the same bytes out. */
export async function* gzipped(content: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const gzip = createGzip({ level: LEVEL, chunkSize: CHUNK_BYTES });
  const feeding = pipeline(content, gzip);
  feeding.catch(() => undefined); // it comes out of the gzip too
  yield* gzip as AsyncIterable<Uint8Array>;
  await feeding;
}
