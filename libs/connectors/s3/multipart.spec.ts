import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { MAX_PARTS, partSizeAt, uploadParts } from './multipart.js';

const signal = new AbortController().signal;

async function* chunksOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  for (const chunk of chunks) {
    await Promise.resolve();
    yield chunk;
  }
}

/** Keeps what it is sent, as it was at that moment. */
const storage = () => {
  const parts = new Map<number, Buffer>();
  return {
    parts,
    send: async (number: number, body: Buffer): Promise<number> => {
      await sleep(Math.random() * 3);
      parts.set(number, Buffer.from(body));
      return number;
    },
  };
};

describe('uploading in parts', () => {
  it('keeps every byte in its place, whatever the chunks', async () => {
    const lists = fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(lists, async (chunks) => {
        const { parts, send } = storage();
        const whole = Buffer.concat(chunks);
        const uploaded = await uploadParts(chunksOf(chunks), { send, signal, partSize: (n) => (n < 4 ? 7 : 11) });
        const numbers = [...parts.keys()].sort((a, b) => a - b);
        expect(Buffer.concat(numbers.map((number) => parts.get(number)!)).equals(whole)).toBe(true);
        expect(uploaded).toEqual({
          parts: numbers,
          bytes: whole.length,
          sha256: createHash('sha256').update(whole).digest('hex'),
        });
        expect(numbers).toEqual(Array.from({ length: numbers.length }, (_, index) => index + 1));
      }),
      { numRuns: 60 },
    );
  });

  it('sends one empty part for an empty content', async () => {
    const { parts, send } = storage();
    expect(await uploadParts(chunksOf([]), { send, signal })).toMatchObject({ parts: [1], bytes: 0 });
    expect(parts.get(1)).toEqual(Buffer.alloc(0));
  });

  it('tells what has arrived, in the end all of it', async () => {
    const seen: number[] = [];
    const onProgress = (bytes: number) => seen.push(bytes);
    await uploadParts(chunksOf([Buffer.alloc(25)]), { send: storage().send, signal, onProgress, partSize: () => 10 });
    expect(seen).toHaveLength(3);
    expect(seen.at(-1)).toBe(25);
  });

  it('reads no further than 32 MiB ahead of a store that does not answer', async () => {
    let read = 0;
    async function* endless(): AsyncGenerator<Uint8Array> {
      const chunk = Buffer.alloc(2 ** 20);
      for (; read < 200; read += 1) {
        await Promise.resolve();
        yield chunk;
      }
    }
    const abort = new AbortController();
    const send = (_: number, __: Buffer, stop: AbortSignal) =>
      new Promise<never>((_resolve, reject) => {
        stop.addEventListener('abort', () => reject(stop.reason as Error));
      });
    const uploading = uploadParts(endless(), { send, signal: abort.signal });
    await sleep(200);
    abort.abort(new Error('enough'));
    await expect(uploading).rejects.toThrow('enough');
    expect(read).toBe(31); // and the chunk that was being read
  });

  it('stops at the first part that fails, after the others have ended', async () => {
    let open = 0;
    let read = 0;
    async function* content(): AsyncGenerator<Uint8Array> {
      for (; read < 1_000; read += 1) {
        await sleep(1);
        yield Buffer.alloc(10);
      }
    }
    const send = async (number: number) => {
      open += 1;
      await sleep(number === 2 ? 1 : 10);
      open -= 1;
      if (number === 2) throw new Error('part 2');
      return number;
    };
    await expect(uploadParts(content(), { send, signal, partSize: () => 10 })).rejects.toThrow('part 2');
    expect(open).toBe(0);
    expect(read).toBeLessThan(100);
  });

  it('hands on the failure of the source', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      await Promise.resolve();
      yield Buffer.alloc(5);
      throw new Error('no more rows');
    }
    await expect(uploadParts(broken(), { send: storage().send, signal })).rejects.toThrow('no more rows');
  });

  it('refuses more parts than S3 takes', async () => {
    async function* content(): AsyncGenerator<Uint8Array> {
      await Promise.resolve();
      yield Buffer.alloc(MAX_PARTS + 1);
    }
    const uploading = uploadParts(content(), { send: (number) => Promise.resolve(number), signal, partSize: () => 1 });
    await expect(uploading).rejects.toMatchObject({ slug: 'partner-rejected' });
  });

  it('has parts large enough for 300 GiB, and never larger than 64 MiB', () => {
    const sizes = Array.from({ length: MAX_PARTS }, (_, index) => partSizeAt(index + 1));
    expect(sizes.reduce((sum, size) => sum + size, 0)).toBeGreaterThan(290 * 2 ** 30);
    expect(Math.min(...sizes)).toBe(8 * 2 ** 20);
    expect(Math.max(...sizes)).toBe(64 * 2 ** 20);
  });
});
