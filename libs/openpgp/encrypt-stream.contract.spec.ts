import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeWith } from '@waybill/testkit/availability';
import { findGnuPG, type GnuPG } from '@waybill/testkit/gnupg';
import * as openpgp from 'openpgp';
import { encryptStream } from './encrypt-stream.js';
import { parseRecipientKey, type RecipientKey } from './recipient-key.js';

const collect = async (stream: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
};

async function* chunksOf(content: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += size) yield content.subarray(at, at + size);
}

/** Threads that are alive, the encrypting one's message port among them. */
const ports = () =>
  process.getActiveResourcesInfo().filter((kind) => kind === 'MessagePort' || kind === 'Worker').length;

describeWith('an encrypted file', findGnuPG(), (open) => {
  let gnupg: GnuPG;
  const keys: Record<string, RecipientKey> = {};

  beforeAll(async () => {
    gnupg = open()();
    for (const [name, primary, encryption] of [
      ['RSA', 'rsa3072', 'rsa3072'],
      ['Curve25519', 'ed25519', 'cv25519'],
      ['NIST P-256', 'nistp256', 'nistp256'],
    ] as const) {
      const fingerprint = await gnupg.makeKey({ userId: `${name} <keys@partner.example>`, primary, encryption });
      keys[name] = await parseRecipientKey(await gnupg.exportArmored(fingerprint));
    }
  }, 120_000);
  afterAll(() => gnupg.close());

  it.each(['RSA', 'Curve25519', 'NIST P-256'])(
    'for a key of the kind %s is read by GnuPG, byte for byte',
    async (kind) => {
      const content = randomBytes(1_000_003);
      const decrypted = await gnupg.decrypt(encryptStream(chunksOf(content, 60_000), keys[kind]!));
      expect(decrypted.equals(content)).toBe(true);
    },
  );

  // Around the sizes of a part, where the lengths of the packets change their form.
  const PART = 2 ** 17;
  it.each([
    0,
    1,
    191,
    192,
    511,
    512,
    PART - 30,
    PART - 7,
    PART - 6,
    PART - 5,
    PART,
    PART + 1,
    2 * PART - 30,
    2 * PART - 6,
    3 * PART + 17,
  ])('of %d bytes is read by GnuPG, byte for byte', async (size) => {
    const content = randomBytes(size);
    const decrypted = await gnupg.decrypt(encryptStream(chunksOf(content, 10_007), keys['Curve25519']!));
    expect(decrypted.equals(content)).toBe(true);
  });

  it('is the same whatever the chunks it came in', async () => {
    const content = randomBytes(400_000);
    for (const size of [1_013, PART, 399_999, 400_000]) {
      const decrypted = await gnupg.decrypt(encryptStream(chunksOf(content, size), keys['Curve25519']!));
      expect(decrypted.equals(content)).toBe(true);
    }
  });

  it('is not compressed, has no name, and carries a modification detection code', async () => {
    const packets = await gnupg.listPackets(await collect(encryptStream(chunksOf(randomBytes(10), 10), keys['RSA']!)));
    expect(packets).toMatch(/:encrypted data packet:\s+length: unknown\s+mdc_method: 2|mdc_method: 2/);
    expect(packets).toMatch(/:literal data packet:\s+mode b .*name="",/);
    expect(packets).not.toMatch(/compressed packet/);
  });

  it.each(['first', 'middle', 'last'])('that was changed in its %s part is refused by GnuPG', async (where) => {
    const message = await collect(encryptStream(chunksOf(randomBytes(300_000), 300_000), keys['Curve25519']!));
    const at = { first: 400, middle: 150_000, last: message.length - 5 }[where]!;
    message[at]! ^= 1;
    await expect(gnupg.decrypt(chunksOf(message, 100_000))).rejects.toThrow(/gpg .* ended with 2/);
  });

  it('differs each time, since its key is drawn anew', async () => {
    const content = Buffer.from('the same');
    const [one, two] = [
      await collect(encryptStream(chunksOf(content, 8), keys['RSA']!)),
      await collect(encryptStream(chunksOf(content, 8), keys['RSA']!)),
    ];
    expect(one.equals(two)).toBe(false);
  });
});

describe('the stream of an encrypted file', () => {
  let key: RecipientKey;
  let privateKey: openpgp.PrivateKey;

  beforeAll(async () => {
    const made = await openpgp.generateKey({ userIDs: [{ email: 'keys@partner.example' }], format: 'object' });
    privateKey = made.privateKey;
    key = await parseRecipientKey(made.publicKey.armor());
  });

  async function* endless(onEnd: () => void): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield Buffer.alloc(50_000, 'x');
    } finally {
      onEnd();
    }
  }

  it('is read by another implementation too', async () => {
    const content = randomBytes(300_000);
    const message = await openpgp.readMessage({
      binaryMessage: await collect(encryptStream(chunksOf(content, 7_777), key)),
    });
    const { data } = await openpgp.decrypt({ message, decryptionKeys: privateKey, format: 'binary' });
    expect(Buffer.from(data as Uint8Array).equals(content)).toBe(true);
  });

  it('leaves the content as it was given', async () => {
    const content = Buffer.alloc(300_000, 'content');
    await collect(encryptStream(chunksOf(content, 300_000), key));
    expect(content.equals(Buffer.alloc(300_000, 'content'))).toBe(true);
  });

  it('reads ahead a bounded amount of the content', async () => {
    let taken = 0;
    const counted = async function* () {
      for await (const chunk of endless(() => undefined)) {
        taken += chunk.length;
        yield chunk;
      }
    };
    const stream = encryptStream(counted(), key);
    for (let i = 0; i < 20; i++) await stream.next();
    await sleep(50);
    expect(taken).toBeLessThan(20 * 2 ** 17 + 2 * 2 ** 20);
    await stream.return();
  });

  it('ends the content and its thread when the reader leaves early', async () => {
    const before = ports();
    let ended = false;
    for await (const chunk of encryptStream(
      endless(() => (ended = true)),
      key,
    ))
      if (chunk.length > 1000) break;
    expect(ended).toBe(true);
    expect(ports()).toBe(before);
  });

  it('fails with the failure of the content, and ends its thread', async () => {
    const before = ports();
    const failing = async function* () {
      yield Buffer.alloc(500_000);
      await sleep(10);
      throw new Error('the database went away');
    };
    await expect(collect(encryptStream(failing(), key))).rejects.toThrow('the database went away');
    expect(ports()).toBe(before);
  });

  it('leaves no thread behind when it is done', async () => {
    const before = ports();
    await collect(encryptStream(chunksOf(randomBytes(100), 100), key));
    expect(ports()).toBe(before);
  });

  it('is refused for a key that expired after it was accepted', async () => {
    const { publicKey } = await openpgp.generateKey({
      userIDs: [{ email: 'keys@partner.example' }],
      format: 'object',
      date: new Date(Date.now() - 10_000),
      keyExpirationTime: 5,
    });
    const expired = collect(encryptStream(chunksOf(randomBytes(10), 10), { armored: publicKey.armor() }));
    await expect(expired).rejects.toMatchObject({
      slug: 'encryption-key-unusable',
      message: expect.stringMatching(/expired on/) as string,
    });
  });
});
