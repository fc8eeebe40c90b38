import { describeWith } from '@waybill/testkit/availability';
import { findGnuPG, type GnuPG } from '@waybill/testkit/gnupg';
import * as openpgp from 'openpgp';
import { parseRecipientKey } from './recipient-key.js';

const base64 = (content: string | Buffer): string => Buffer.from(content).toString('base64');

describeWith('a recipient key made by GnuPG', findGnuPG(), (open) => {
  let gnupg: GnuPG;
  let rsa: string;
  let curve: string;

  beforeAll(async () => {
    gnupg = open()();
    rsa = await gnupg.makeKey({ userId: 'Partner <keys@partner.example>', primary: 'rsa4096', encryption: 'rsa4096' });
    curve = await gnupg.makeKey({ userId: 'Curve <curve@partner.example>', primary: 'ed25519', encryption: 'cv25519' });
  }, 120_000);
  afterAll(() => gnupg.close());

  const refuses = (input: string, reason: RegExp) =>
    expect(parseRecipientKey(input)).rejects.toMatchObject({
      slug: 'encryption-key-unusable',
      kind: 'refused',
      message: expect.stringMatching(reason) as string,
    });

  describe('is accepted', () => {
    it.each<[string, (fingerprint: string) => Promise<string>]>([
      ['ASCII-armored', (fingerprint) => gnupg.exportArmored(fingerprint)],
      ['as Base64 of the armored text', async (fingerprint) => base64(await gnupg.exportArmored(fingerprint))],
      ['as Base64 of the binary form', async (fingerprint) => base64(await gnupg.exportBinary(fingerprint))],
      [
        'as Base64 in lines',
        async (fingerprint) => base64(await gnupg.exportBinary(fingerprint)).replace(/.{64}/g, '$&\r\n'),
      ],
      [
        'armored with CRLF and text around it',
        async (fingerprint) =>
          `Here it is:\r\n\r\n${(await gnupg.exportArmored(fingerprint)).replaceAll('\n', '\r\n')}\r\nBest, Bob`,
      ],
    ])('%s', async (_, exported) => {
      expect(await parseRecipientKey(await exported(rsa))).toMatchObject({
        fingerprint: rsa,
        algorithm: 'RSA',
        bits: 4096,
        userIds: ['Partner <keys@partner.example>'],
        expiresAt: null,
      });
    });

    it('with a key on Curve25519', async () => {
      expect(await parseRecipientKey(await gnupg.exportArmored(curve))).toMatchObject({
        fingerprint: curve,
        algorithm: 'ECDH',
        bits: null,
      });
    });

    it('and what is kept of it is one armored public key that reads the same again', async () => {
      const once = await parseRecipientKey(await gnupg.exportArmored(rsa));
      expect(once.armored).toMatch(/^-----BEGIN PGP PUBLIC KEY BLOCK-----/);
      expect(await parseRecipientKey(once.armored)).toEqual(once);
    });
  });

  describe('is refused with the reason', () => {
    it('when it is a private key, whose secret is not repeated', async () => {
      const secret = await gnupg.exportSecret(curve);
      await refuses(secret, /private key.*gpg --armor --export/);
      await refuses(base64(secret), /private key/);
      const { data } = await openpgp.unarmor(secret);
      await refuses(base64(Buffer.from(data as Uint8Array)), /private key/);
    });

    it('when it can only sign', async () => {
      const signer = await gnupg.makeKey({ userId: 'Signer <sign@partner.example>', primary: 'rsa2048' });
      await refuses(await gnupg.exportArmored(signer), /cannot encrypt.*only for signing/);
    });

    it('when it has expired', async () => {
      const old = await gnupg.makeKey({
        userId: 'Old <old@partner.example>',
        primary: 'rsa2048',
        encryption: 'rsa2048',
        madeAt: '20200101T000000',
      });
      await refuses(await gnupg.exportArmored(old), /expired on 2020-12-31/);
    });

    it('when it was revoked', async () => {
      const revoked = await gnupg.makeKey({
        userId: 'Gone <gone@partner.example>',
        primary: 'ed25519',
        encryption: 'cv25519',
      });
      await gnupg.revoke(revoked);
      await refuses(await gnupg.exportArmored(revoked), /was revoked by its owner/);
    });

    it('when it is RSA with too few bits', async () => {
      const weak = await gnupg.makeKey({
        userId: 'Weak <weak@partner.example>',
        primary: 'rsa1024',
        encryption: 'rsa1024',
      });
      await refuses(await gnupg.exportArmored(weak), /RSA with 1024 bits; at least 2048/);
    });

    it('when it is several', async () => {
      await refuses(await gnupg.exportArmored(rsa, curve), /2 keys/);
      await refuses((await gnupg.exportArmored(rsa)) + (await gnupg.exportArmored(curve)), /2 keys/);
    });

    it('when it is damaged', async () => {
      const armored = await gnupg.exportArmored(rsa);
      await refuses(armored.slice(0, 500), /cut off/);
      await refuses(base64((await gnupg.exportBinary(rsa)).subarray(0, 300)), /cannot be read|cannot encrypt/);
    });
  });
});

describe('a recipient key', () => {
  const refuses = (input: string, reason: RegExp) =>
    expect(parseRecipientKey(input)).rejects.toMatchObject({
      slug: 'encryption-key-unusable',
      message: expect.stringMatching(reason) as string,
    });

  it.each<[string, string, RegExp]>([
    ['nothing', '', /is empty/],
    ['white space', ' \n\t ', /is empty/],
    ['text', 'my key, please', /neither ASCII-armored nor Base64/],
    ['Base64 of text', base64('my key, please'), /cannot be read|no key/],
    ['Base64 of random bytes', base64(Buffer.from([0x99, 0x02, 0x0d, 0x04, 1, 2, 3])), /cannot be read|no key/],
    [
      'an SSH key',
      'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBxxxxxxxxxxxxxxxxxxxxxx me@here',
      /neither ASCII-armored nor Base64/,
    ],
    ['a certificate', '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----', /This is no OpenPGP key/],
    [
      'an OpenPGP message',
      '-----BEGIN PGP MESSAGE-----\n\nwcBMA\n-----END PGP MESSAGE-----',
      /OpenPGP message, and no public key/,
    ],
    [
      'an OpenPGP signature',
      '-----BEGIN PGP SIGNATURE-----\n\nwcBMA\n-----END PGP SIGNATURE-----',
      /OpenPGP signature, and no/,
    ],
  ])('is not %s', async (_, input, reason) => {
    await refuses(input, reason);
  });

  const generate = (options: { date?: Date; keyExpirationTime?: number; type?: 'curve25519' } = {}) =>
    openpgp.generateKey({ userIDs: [{ email: 'keys@partner.example' }], format: 'object', ...options });

  it('is refused in no time, however long and twisted the input is', async () => {
    const startedAt = performance.now();
    await refuses('-----BEGIN PGP PUBLIC KEY BLOCK-----\n'.repeat(100_000), /cut off/);
    await refuses('A='.repeat(1_000_000), /neither ASCII-armored nor Base64/);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
  });

  it('says when it will expire', async () => {
    const { publicKey } = await generate({ keyExpirationTime: 86_400 });
    const { expiresAt } = await parseRecipientKey(publicKey.armor());
    expect(Date.parse(expiresAt ?? '') - publicKey.getCreationTime().getTime()).toBe(86_400_000);
  });

  it('may be of the newest kind, X25519', async () => {
    const { publicKey } = await generate({ type: 'curve25519' });
    expect(await parseRecipientKey(publicKey.armor())).toMatchObject({ algorithm: 'X25519', bits: null });
  });

  it('is refused when its only subkey for encryption was revoked', async () => {
    const { privateKey } = await generate();
    const [subkey] = privateKey.subkeys;
    privateKey.subkeys = [await subkey!.revoke(privateKey.keyPacket as openpgp.SecretKeyPacket)];
    await refuses(privateKey.toPublic().armor(), /subkey for encryption was revoked/);
  });

  it('is refused while it is not valid yet', async () => {
    const { publicKey } = await generate({ date: new Date(Date.now() + 86_400_000) });
    await refuses(publicKey.armor(), /valid from .* only; check the clocks/);
  });

  it('is kept without photos and the certifications of others', async () => {
    const { publicKey } = await generate();
    const { privateKey: stranger } = await generate();
    const certified = await publicKey.signAllUsers([stranger]);
    expect(certified.armor().length).toBeGreaterThan(publicKey.armor().length);
    const { armored } = await parseRecipientKey(certified.armor());
    expect(armored.length).toBe(publicKey.armor().length);
  });
});
