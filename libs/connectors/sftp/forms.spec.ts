import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { fieldNamesOf, jsonSchemaOf, parseForm, secretFieldsOf } from '@waybill/forms';
import { isWaybillError } from '@waybill/kernel';
import ssh2 from 'ssh2';
import { PasswordForm, SftpTargetForm, SshKeyForm } from './forms.js';
import { hostKeyOf, parseHostKey } from './host-key.js';
import { addressOf, folderOf } from './spec.js';
import { ed25519Key } from '@waybill/testkit/ssh-key';

const problemsOf = (work: () => unknown): readonly string[] => {
  try {
    work();
    return [];
  } catch (error) {
    if (!isWaybillError(error)) throw error;
    return (error.fields ?? []).map(({ path, message }) => `${path}: ${message}`);
  }
};

const password = { host: 'sftp.partner.example', username: 'bob', password: 'right horse' };
const fingerprint = `SHA256:${'A'.repeat(43)}`;

describe('the form of a password account', () => {
  const problems = (change: object) => problemsOf(() => parseForm(PasswordForm, { ...password, ...change }));

  it('shows its fields in the order of a form, with the secret marked', () => {
    const schema = jsonSchemaOf(PasswordForm) as {
      properties: Record<string, { writeOnly?: boolean; title?: string }>;
    };
    expect(Object.keys(schema.properties)).toEqual(['host', 'port', 'username', 'password', 'hostKey']);
    expect(schema).toMatchObject({
      required: expect.arrayContaining(['host', 'username', 'password']) as unknown,
      properties: { port: { default: 22, type: 'integer' }, password: { writeOnly: true } },
    });
    for (const { title } of Object.values(schema.properties)) expect(title).toMatch(/\S/);
    expect(secretFieldsOf(PasswordForm)).toEqual(['password']);
  });

  it('takes port 22 unless another is named', () => {
    expect(parseForm(PasswordForm, password).port).toBe(22);
    expect(parseForm(PasswordForm, { ...password, port: 2222 }).port).toBe(2222);
    expect(addressOf({ ...password, port: 2222 })).toBe('sftp.partner.example:2222');
    expect(addressOf({ host: '2001:db8::1' })).toBe('[2001:db8::1]:22');
  });

  it.each(['partner.example', 'partner', '203.0.113.7', '2001:db8::1', 'bücher.example', 'a_b.example.'])(
    'takes the host %s',
    (host) => {
      expect(problems({ host })).toEqual([]);
    },
  );

  it.each([
    [{ host: 'sftp://partner.example' }, 'host: host must be the host alone, without "sftp://"'],
    [{ host: 'partner.example:22' }, 'host: host must be the host alone; the port has a field of its own'],
    [{ host: 'partner example' }, 'host: host must be a host name or an IP address'],
    [{ host: 'partner.example/in' }, 'host: host must be a host name or an IP address'],
    [{ host: 'partner\n.example' }, 'host: host must be a host name or an IP address'],
    [{ port: 0 }, 'port: port must not be less than 1'],
    [{ port: 65536 }, 'port: port must not be greater than 65535'],
    [{ username: 'bob\u0000' }, 'username: username must hold no control character, such as a line end'],
    [{ password: 'right horse\n' }, 'password: password must hold no control character, such as a line end'],
    [{ password: '' }, 'password: password should not be empty'],
    [{ passwrd: 'x' }, 'passwrd: unknown field; did you mean "password"?'],
    [{ hostKey: 'SHA256:short' }, 'hostKey: hostKey must be SHA256: and 43 characters of Base64'],
  ])('says of %j what is wrong', (change, problem) => {
    expect(problems(change)).toEqual([problem]);
  });

  it('says of a wrong type what it must be', () => {
    expect(problems({ host: 7, port: '22' })).toEqual(
      expect.arrayContaining(['host: host must be a string', 'port: port must be an integer number']),
    );
  });
});

describe('the form of an SSH key account', () => {
  const key = (form: object) =>
    problemsOf(() => parseForm(SshKeyForm, { host: 'partner.example', username: 'bob', ...form }));
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const pem = rsa.privateKey.export({ format: 'pem', type: 'pkcs1' }).toString();
  const encrypted = rsa.privateKey
    .export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'open sesame' })
    .toString();
  const openSsh = ssh2.utils.generateKeyPairSync('ed25519', {
    passphrase: 'open sesame',
    cipher: 'aes256-ctr',
    rounds: 8,
  });

  it('keeps the key and its passphrase secret', () => {
    expect(secretFieldsOf(SshKeyForm)).toEqual(['privateKey', 'passphrase']);
    expect(fieldNamesOf(SshKeyForm)).toEqual(['host', 'port', 'username', 'privateKey', 'passphrase', 'hostKey']);
  });

  it.each([
    ['PEM', { privateKey: pem }],
    ['PEM with Windows line ends and spaces around', { privateKey: `  ${pem.replaceAll('\n', '\r\n')}  ` }],
    ['the Base64 of PEM, in lines', { privateKey: Buffer.from(pem).toString('base64').replace(/.{64}/g, '$&\n') }],
    ['encrypted PEM', { privateKey: encrypted, passphrase: 'open sesame' }],
    ['encrypted OpenSSH', { privateKey: openSsh.private, passphrase: 'open sesame' }],
    [
      'the Base64 of encrypted OpenSSH',
      { privateKey: Buffer.from(openSsh.private).toString('base64'), passphrase: 'open sesame' },
    ],
  ])('takes %s', (_, form) => {
    expect(key(form)).toEqual([]);
  });

  const dsa = generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 }).privateKey;
  const x25519 = generateKeyPairSync('x25519').privateKey;
  it.each([
    ['garbage', { privateKey: 'my key' }, /^privateKey: privateKey must be a private key in PEM or OpenSSH format/],
    ['garbage in Base64', { privateKey: 'bXkga2V5' }, /^privateKey: privateKey must be a private key in PEM/],
    ['a public key', { privateKey: openSsh.public }, /^privateKey: privateKey is a public key; give the private one/],
    [
      'a public key in PEM',
      { privateKey: rsa.publicKey.export({ format: 'pem', type: 'spki' }).toString() },
      /is a public key/,
    ],
    ['half a key', { privateKey: pem.slice(0, 700) }, /^privateKey: privateKey is damaged or cut off/],
    ['half an OpenSSH key', { privateKey: openSsh.private.slice(0, 200) }, /^privateKey: privateKey cannot be read/],
    [
      'an encrypted PEM key alone',
      { privateKey: encrypted },
      /^privateKey: privateKey is encrypted; give its passphrase/,
    ],
    [
      'an encrypted OpenSSH key alone',
      { privateKey: openSsh.private },
      /^privateKey: privateKey is encrypted; give its/,
    ],
    ['PEM and a wrong passphrase', { privateKey: encrypted, passphrase: 'x' }, /^passphrase: passphrase does not open/],
    [
      'OpenSSH and a wrong passphrase',
      { privateKey: openSsh.private, passphrase: 'x' },
      /^passphrase: passphrase does not/,
    ],
    [
      'a DSA key',
      { privateKey: dsa.export({ format: 'pem', type: 'pkcs8' }).toString() },
      /is a key of type dsa; use Ed25519/,
    ],
    [
      'a key for something else',
      { privateKey: x25519.export({ format: 'pem', type: 'pkcs8' }).toString() },
      /of type x25519/,
    ],
    ['a PuTTY key', { privateKey: 'PuTTY-User-Key-File-3: ssh-ed25519\n' }, /is a PuTTY key; export it/],
    ['a certificate', { privateKey: '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----' }, /is damaged/],
  ])('says of %s what is wrong, without showing it', (_, form, problem) => {
    const problems = key(form);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatch(problem);
    expect(problems[0]).not.toContain(form.privateKey.slice(-60, -40) || form.privateKey);
  });

  it('says of a wrong passphrase that it is wrong, also where what it opens only looks right at its end', () => {
    const opens = (passphrase: string): string => {
      try {
        createPrivateKey({ key: encrypted, passphrase });
        return 'a key';
      } catch (error) {
        return (error as { code: string }).code;
      }
    };
    // One in 256 of them.
    const passphrase = Array.from({ length: 10_000 }, (_, i) => `wrong ${i}`).find(
      (wrong) => opens(wrong) !== 'ERR_OSSL_BAD_DECRYPT',
    );
    expect(key({ privateKey: encrypted, passphrase })).toEqual([
      expect.stringMatching(/^passphrase: passphrase does not open the private key, or that key is damaged/),
    ]);
    const cut = encrypted.split('\n').slice(0, -2).join('\n');
    expect(key({ privateKey: cut, passphrase })).toEqual([
      expect.stringMatching(/^privateKey: privateKey is damaged or cut off/),
    ]);
  });
});

describe('a host key', () => {
  const { public: line } = ed25519Key();
  const blob = Buffer.from(line.split(' ')[1] ?? '', 'base64');
  const known = hostKeyOf(blob);

  it.each([
    ['alone', line],
    ['with a host', `partner.example ${line}`],
    ['with a port', `[partner.example]:2222 ${line} comment`],
    ['with a hashed host', `|1|abc=|def= ${line}`],
  ])('is read from a known_hosts line: %s', (_, text) => {
    expect(parseHostKey(text)).toEqual(known);
  });

  it('is read from a fingerprint, padded or not', () => {
    expect(parseHostKey(known.fingerprint)).toEqual({ fingerprint: known.fingerprint });
    expect(parseHostKey(` ${known.fingerprint}= `)).toEqual({ fingerprint: known.fingerprint });
  });

  it.each([
    ['16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48', /MD5.*SHA256/],
    ['MD5:16:27:ac:a5:76:28:2d:36:63:1b:56:4d:eb:df:a6:48', /MD5/],
    [`${line}\n${line}`, /several lines/],
    [`@cert-authority * ${line}`, /certificate authorities/],
    [line.slice(0, 40), /no whole ssh-ed25519 key/],
    ['AAAA', /SHA256: fingerprint or a line of a known_hosts/],
  ])('%s is refused, and the reason said', (text, reason) => {
    expect(parseHostKey(text)).toMatch(reason);
  });

  it('is checked in the form', () => {
    expect(problemsOf(() => parseForm(PasswordForm, { ...password, hostKey: fingerprint }))).toEqual([]);
    expect(problemsOf(() => parseForm(PasswordForm, { ...password, hostKey: 'AAAA' }))).toHaveLength(1);
  });
});

describe('the form of a target', () => {
  const folder = (text: unknown) => problemsOf(() => parseForm(SftpTargetForm, { folder: text }));

  it.each([
    '',
    '/',
    '/in',
    'in/audiences',
    'in/a b/ü',
    'in/..hidden',
    '/in/%SEGMENT_NAME%',
    'in/%SEGMENT_NAME%/%SEGMENT_ID%',
  ])('takes "%s"', (text) => {
    expect(folder(text)).toEqual([]);
  });

  it.each([
    ['../in', /no "\.\." segment/],
    ['in/../../etc', /no "\.\." segment/],
    ['in/a\u0000b', /no control character/],
    ['in/a\nb', /no control character/],
    ['%SEGMENT_NAME%/in', /at its end/],
    ['in/x-%SEGMENT_ID%', /whole segments/],
    ['a'.repeat(1025), /1024/],
    [undefined, /must be a string/],
  ])('refuses %j', (text, reason) => {
    expect(folder(text).join()).toMatch(reason);
  });

  it('says where files go', () => {
    const segment = { id: 'seg-1', name: 'VIP gold' };
    expect(folderOf({ folder: '/in/%SEGMENT_NAME%/%SEGMENT_ID%' }, segment)).toBe('/in/VIP gold/seg-1');
    expect(folderOf({ folder: '/in/%SEGMENT_NAME%' })).toBe('/in');
    expect(folderOf({ folder: '' })).toBe('');
    expect(folderOf({ folder: '/' })).toBe('/');
  });
});
