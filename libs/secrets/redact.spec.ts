import { createRedactor, REDACTED } from './redact.js';
import { sealSecret } from './sealed-secret.js';

describe('the redactor', () => {
  it('masks members whose names tell of a secret, at any depth', () => {
    const { redact } = createRedactor();
    const shown = redact({
      authentication: { method: 'password', host: 'sftp.partner.example', password: 'p' },
      list: [{ secretAccessKey: 'k' }, { private_key: 'k' }, { sasKey: 'k', connectionString: 'c' }],
      headers: { Authorization: 'Bearer x', cookie: 'c', accept: '*/*' },
    });
    expect(shown).toEqual({
      authentication: { method: 'password', host: 'sftp.partner.example', password: REDACTED },
      list: [
        { secretAccessKey: REDACTED },
        { private_key: REDACTED },
        { sasKey: REDACTED, connectionString: REDACTED },
      ],
      headers: { Authorization: REDACTED, cookie: REDACTED, accept: '*/*' },
    });
  });

  it('leaves what only sounds like one', () => {
    const { redact } = createRedactor();
    const harmless = {
      secretRef: 'ref-1',
      accessKeyId: 'AKIA',
      key: 'acme/prod/x',
      at: new Date(0),
      keyFingerprint: 'f',
      n: 1,
      no: null,
    };
    expect(redact(harmless)).toEqual(harmless);
  });

  it('masks remembered values wherever they stand: in texts, errors, causes, as JSON', () => {
    const { remember, redact, redactText } = createRedactor();
    const key = '-----BEGIN KEY-----\nabc"def\n-----END KEY-----';
    remember(['hunter2-canary', key]);
    const error = new Error('login as bob:hunter2-canary@host failed', { cause: new TypeError('bad hunter2-canary') });
    const shown = JSON.stringify(
      redact({ error, url: 'sftp://bob:hunter2-canary@host', line: JSON.stringify({ key }) }),
    );
    expect(shown).not.toContain('hunter2');
    expect(shown).not.toContain('abc');
    expect(shown).toContain('login as bob:[redacted]@host failed');
    expect(shown).toContain('TypeError');
    expect(redactText(`{"msg":${JSON.stringify(key)}}`)).toBe(`{"msg":"${REDACTED}"}`);
  });

  it('takes remembered values as plain text, whatever characters they hold', () => {
    const { remember, redactText } = createRedactor();
    remember(['a.*+?^${}()|[]\\/-b', '$&$1$$ money']);
    expect(redactText('x a.*+?^${}()|[]\\/-b y $&$1$$ money z')).toBe(`x ${REDACTED} y ${REDACTED} z`);
    expect(redactText('aXXb')).toBe('aXXb');
  });

  it('does not blacken everything for a short value, and forgets the oldest of many', () => {
    const { remember, redactText } = createRedactor();
    remember(['abc', ...Array.from({ length: 600 }, (_, i) => `value-${i}-end`)]);
    expect(redactText('abc value-0-end value-599-end')).toBe(`abc value-0-end ${REDACTED}`);
  });

  it('comes to an end with circles, depths, bytes and sealed secrets', () => {
    const { redact } = createRedactor();
    const circle: Record<string, unknown> = {
      sealed: sealSecret({ password: 'canary' }),
      bytes: Buffer.from('canary'),
    };
    circle['self'] = circle;
    circle['map'] = new Map([['password', { password: 'canary' }]]);
    const shown = JSON.stringify(redact(circle));
    expect(shown).not.toContain('canary');
    expect(shown).toContain('[circular]');
    let deep: object = { password: 'canary' };
    for (let i = 0; i < 50; i++) deep = { deep };
    expect(JSON.stringify(redact(deep))).toContain('[deeper]');
  });
});
