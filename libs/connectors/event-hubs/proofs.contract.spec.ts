import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { newCertificate } from '@waybill/testkit/certificate';
import { type EventHubsServer, type EventHubsServerOptions, startEventHubsServer } from '@waybill/testkit/event-hubs';
import type { Credentials, EventRecord, Proof } from '../port.js';
import { createEventHubsConnector, type EventHubsOptions } from './index.js';
import { abortedAfter, checkNamed, checksThat, environment } from '../testing/proofs.js';
import { accountOf, sasAccountOf } from './test-account.js';

const DEADLINES = { connect: 5_000, handshake: 5_000, open: 5_000, send: 5_000, close: 500 };
/** Where a service falls silent. */
const IMPATIENT: EventHubsOptions = { deadlines: { ...DEADLINES, handshake: 500, open: 500 } };

let server: EventHubsServer;
let others: Server[] = [];

const start = async (options: EventHubsServerOptions = {}): Promise<void> => {
  server = await startEventHubsServer(options);
};
afterEach(async () => {
  await server?.stop();
  await Promise.all(others.map((other) => new Promise((resolve) => other.close(resolve))));
  others = [];
});

const connector = (options: EventHubsOptions = {}) => createEventHubsConnector({ deadlines: DEADLINES, ...options });
const proveAccount = (credentials: Credentials, options?: EventHubsOptions): Promise<Proof> =>
  connector(options).proveCredentials(credentials, environment());
const proveHub = (credentials: Credentials, eventHub?: string, options?: EventHubsOptions): Promise<Proof> =>
  connector(options).proveTarget(credentials, eventHub === undefined ? {} : { eventHub }, environment());

/** A port where something else listens. */
const listen = async (onSocket: (socket: Socket) => void): Promise<number> => {
  const other = createServer((socket) => onSocket(socket.on('error', () => undefined).resume()));
  others.push(other);
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  return (other.address() as AddressInfo).port;
};
const plainAt = (port: number): string =>
  `Endpoint=sb://127.0.0.1:${port}/;SharedAccessKeyName=send;SharedAccessKey=a-secret;UseDevelopmentEmulator=true`;
const tlsAt = (port: number): string => plainAt(port).replace(';UseDevelopmentEmulator=true', '');

const failuresOf = (proof: Proof): readonly string[] => {
  expect(proof.outcome).toBe('failed');
  for (const { outcome, remedy } of proof.checks) if (outcome === 'failed') expect(remedy).toMatch(/\S/);
  return checksThat(proof, 'failed');
};
const passesOf = (proof: Proof): readonly string[] => {
  expect(checksThat(proof, 'failed')).toEqual([]);
  expect(proof.outcome).toBe('passed');
  return checksThat(proof, 'passed');
};

const POLICIES: NonNullable<EventHubsServerOptions['policies']> = {
  send: { key: 'send-key', rights: ['Send'] },
  listen: { key: 'listen-key', rights: ['Listen'] },
  root: { key: 'root-key', rights: ['Manage'] },
  'of-one-hub': { key: 'hub-key', rights: ['Send'], hub: 'orders' },
};
const HUBS = { waybill: 4, orders: 2 };

describe('an account', () => {
  beforeEach(() => start({ policies: POLICIES, hubs: HUBS }));

  it('is proven without a hub, with any right at all', async () => {
    for (const policy of ['send', 'listen', 'root']) {
      const proof = await proveAccount(accountOf(server.connectionString(policy)));
      expect(passesOf(proof)).toEqual(['connect ok', 'authenticate ok']);
      expect(proof.checks.at(-1)).toMatchObject({
        call: 'put-token',
        message: `The namespace knows the policy ${policy}, and its key is right.`,
      });
    }
  });

  it('that names a hub is proven on it, as with a policy of that hub alone', async () => {
    const credentials = accountOf(server.connectionString('of-one-hub'));
    expect(passesOf(await proveAccount(credentials))).toEqual(['connect ok', 'authenticate ok', 'hub ok']);
    expect(server.calls.map(({ resource }) => resource.replace(/^.*\//, ''))).toEqual(['orders', 'orders']);
  });

  it.each([
    ['wrong key', (text: string) => text.replace('send-key', 'another')],
    ['unknown policy', (text: string) => text.replace('Name=send', 'Name=nobody')],
  ])('fails with a %s, before any deadline', async (_, change) => {
    const started = performance.now();
    const proof = await proveAccount(accountOf(change(server.connectionString('send'))));
    expect(failuresOf(proof)).toEqual(['authenticate bad-secret/InvalidSignature']);
    expect(performance.now() - started).toBeLessThan(4_000);
    expect(proof.checks.at(-1)?.message).not.toContain('TrackingId');
  });

  it('fails on a hub that is missing as on what it is, not as a wrong key', async () => {
    const credentials = accountOf(`${server.connectionString('send')};EntityPath=gone`);
    expect(failuresOf(await proveAccount(credentials))).toEqual(['hub not-found/MessagingEntityNotFoundError']);
  });

  it('fails with a policy that may only listen to the hub that it names', async () => {
    const credentials = accountOf(`${server.connectionString('listen')};EntityPath=waybill`);
    expect(failuresOf(await proveAccount(credentials))).toEqual(['hub permission-denied/UnauthorizedError']);
  });

  it('fails at a service that takes a token and never says so', async () => {
    server.inject('put-token', { kind: 'silence', kept: false });
    const proof = await proveAccount(accountOf(server.connectionString('send')), IMPATIENT);
    expect(failuresOf(proof)).toEqual(['authenticate timed-out/ETIMEDOUT']);
  });

  it('passes at a service that is slow', async () => {
    server.inject('put-token', { kind: 'delay', ms: 300 });
    expect(passesOf(await proveAccount(accountOf(server.connectionString('send'))))).toHaveLength(2);
  });

  it('fails when the connection breaks', async () => {
    server.inject('put-token', { kind: 'drop', kept: false });
    const proof = await proveAccount(accountOf(server.connectionString('send')));
    expect(failuresOf(proof)).toEqual(['authenticate unreachable/ECONNRESET']);
  });

  it('is refused where a clock is far behind', async () => {
    server.inject('put-token', {
      kind: 'refuse',
      condition: 'com.microsoft:auth-failed',
      description: 'ExpiredToken: The token is expired.',
    });
    const proof = await proveAccount(accountOf(server.connectionString('send')));
    expect(failuresOf(proof)).toEqual(['authenticate clock-skew/ExpiredToken']);
  });

  it('ends at once when it is aborted', async () => {
    server.inject('put-token', { kind: 'silence', kept: false });
    const signal = abortedAfter(server.asked('put-token'));
    const proof = connector().proveCredentials(accountOf(server.connectionString('send')), environment({ signal }));
    await expect(proof).rejects.toThrow('shutting down');
  });
});

describe('an account over TLS', () => {
  let ca: string;
  beforeEach(async () => {
    const { key, certificate } = await newCertificate();
    ca = certificate;
    await start({ policies: POLICIES, hubs: HUBS, tls: { key, cert: certificate } });
  });

  const sas = (more: object = {}) =>
    sasAccountOf({ namespace: `localhost:${server.port}`, sasKeyName: 'send', sasKey: 'send-key', ...more });

  it('is proven with a namespace and a key', async () => {
    expect(passesOf(await proveAccount(sas(), { ca }))).toEqual(['connect ok', 'tls ok', 'authenticate ok']);
  });

  it('is proven on the hub that it names', async () => {
    expect(passesOf(await proveAccount(sas({ eventHubName: 'orders' }), { ca }))).toContain('hub ok');
    expect(failuresOf(await proveAccount(sas({ eventHubName: 'gone' }), { ca }))).toEqual([
      'hub not-found/MessagingEntityNotFoundError',
    ]);
  });

  it('fails at a certificate that nobody vouches for, before any secret is sent', async () => {
    const proof = await proveAccount(sas());
    expect(failuresOf(proof)).toEqual(['tls unreachable/DEPTH_ZERO_SELF_SIGNED_CERT']);
    expect(server.calls).toEqual([]);
  });

  it('fails at a certificate of another name', async () => {
    const { certificate } = await newCertificate();
    const proof = await proveAccount(sas(), { ca: certificate });
    expect(failuresOf(proof)[0]).toMatch(/^tls unreachable\//);
  });

  it('fails where plain TCP is spoken to it', async () => {
    const proof = await proveAccount(accountOf(plainAt(server.port)));
    expect(failuresOf(proof)[0]).toMatch(/^authenticate (unreachable|timed-out)\//);
  });
});

describe('an account at something else', () => {
  beforeEach(() => start());

  it('fails at a port where nobody listens', async () => {
    const port = await listen(() => undefined);
    await new Promise((resolve) => others.pop()!.close(resolve));
    expect(failuresOf(await proveAccount(accountOf(plainAt(port))))).toEqual(['connect unreachable/ECONNREFUSED']);
  });

  it('fails at a name that is not there', async () => {
    const text = 'Endpoint=sb://no-such-host.invalid/;SharedAccessKeyName=a;SharedAccessKey=b';
    // Later than our deadline where no resolver answers.
    expect(failuresOf(await proveAccount(accountOf(text)))[0]).toMatch(/^connect (unreachable|timed-out)\//);
  });

  it('fails where TLS is spoken to a port without it', async () => {
    expect(failuresOf(await proveAccount(accountOf(tlsAt(server.port))))[0]).toMatch(/^tls unreachable\//);
  });

  it('fails at a server that takes connections and never says a word, with TLS and without', async () => {
    const port = await listen(() => undefined);
    expect(failuresOf(await proveAccount(accountOf(plainAt(port)), IMPATIENT))).toEqual([
      'authenticate timed-out/ETIMEDOUT',
    ]);
    expect(failuresOf(await proveAccount(accountOf(tlsAt(port)), IMPATIENT))).toEqual(['tls timed-out/ETIMEDOUT']);
  });

  it.each([
    'HTTP/1.1 400 Bad Request\r\n\r\n',
    'SSH-2.0-OpenSSH_9.9\r\n',
    `AMQP\u0003\u0001\u0000\u0000${'\u00ff'.repeat(64)}`,
  ])('fails at a server that says %j', async (greeting) => {
    const port = await listen((socket) => socket.end(Buffer.from(greeting, 'latin1')));
    const [failure] = failuresOf(await proveAccount(accountOf(plainAt(port))));
    expect(failure).toBe('authenticate not-supported/ProtocolError');
  });

  it('without TLS is refused where private networks are', async () => {
    const proof = await connector().proveCredentials(
      accountOf(server.connectionString()),
      environment({ allowPrivateNetworks: false }),
    );
    expect(failuresOf(proof)).toEqual(['connect address-refused']);
    expect(proof.checks[0]?.message).toContain('UseDevelopmentEmulator');
  });
});

describe('a hub', () => {
  beforeEach(() => start({ policies: POLICIES, hubs: HUBS, mostMessageBytes: 262_144 }));

  it('is proven with the right to send alone; what else could be told is optional', async () => {
    const proof = await proveHub(accountOf(server.connectionString('send')), 'waybill');
    expect(proof.outcome).toBe('passed');
    expect(checksThat(proof, 'passed')).toEqual(['connect ok', 'hub ok', 'send ok']);
    expect(checksThat(proof, 'failed')).toEqual(['partitions permission-denied/UnauthorizedError']);
    expect(proof.checks.at(-1)).toMatchObject({ optional: true, call: 'READ com.microsoft:eventhub' });
    expect(proof.findings).toEqual({ mostBatchBytes: 262_144, partitions: null });
    expect(server.count('waybill')).toBe(0);
  });

  it('tells its partitions to those who may ask', async () => {
    const proof = await proveHub(accountOf(server.connectionString('root')), 'orders');
    expect(passesOf(proof)).toEqual(['connect ok', 'hub ok', 'send ok', 'partitions ok']);
    expect(proof.findings).toEqual({ mostBatchBytes: 262_144, partitions: 2 });
  });

  it('that is missing is told from a right that is missing', async () => {
    const missing = await proveHub(accountOf(server.connectionString('send')), 'gone');
    expect(failuresOf(missing)).toEqual(['hub not-found/MessagingEntityNotFoundError']);
    const denied = await proveHub(accountOf(server.connectionString('listen')), 'waybill');
    expect(failuresOf(denied)).toEqual(['send permission-denied/UnauthorizedError']);
    expect(checksThat(denied, 'skipped')).toEqual(['write not-tried', 'partitions not-tried']);
  });

  it('is sent a record on request alone, and what the service says to it is told', async () => {
    const credentials = accountOf(server.connectionString('send'));
    const prove = (record?: EventRecord, options?: EventHubsOptions) =>
      connector(options).proveTarget(credentials, { eventHub: 'waybill' }, environment(), record);
    const untried = await prove();
    expect(checksThat(untried, 'skipped')).toEqual(['write not-tried']);
    expect(checkNamed(untried, 'write').remedy).toContain('test record');
    expect(server.count('waybill')).toBe(0);

    const record = { key: 'k', data: Buffer.from('{"waybill":{"test":true}}'), properties: { eventId: 'e' } };
    const tried = await prove(record);
    expect(checksThat(tried, 'passed')).toEqual(['connect ok', 'hub ok', 'send ok', 'write ok']);
    expect(server.received('waybill').map(({ body }) => body.toString())).toEqual([record.data.toString()]);

    server.inject('send', {
      kind: 'refuse',
      condition: 'amqp:unauthorized-access',
      description: 'Send claim is gone.',
    });
    expect(failuresOf(await prove(record))).toEqual(['write permission-denied/UnauthorizedError']);
    server.inject('send', { kind: 'refuse', condition: 'com.microsoft:server-busy', description: 'Busy.' });
    const busy = await prove(record);
    expect(failuresOf(busy)).toEqual(['write unexpected/ServerBusyError']);
    expect(checkNamed(busy, 'write').remedy).toMatch(/^Try again/);
    server.inject('send', { kind: 'silence', kept: false });
    const impatient = { deadlines: { ...DEADLINES, send: 1_000 } };
    expect(failuresOf(await prove(record, impatient))).toEqual(['write timed-out/ETIMEDOUT']);
    expect(server.count('waybill')).toBe(1);
  });

  it("is the account's where the destination names none", async () => {
    const proof = await proveHub(accountOf(server.connectionString('of-one-hub')));
    expect(proof.outcome).toBe('passed');
    expect(proof.checks.find(({ name }) => name === 'hub')?.resource).toMatch(/^sb:\/\/[\d.]+:\d+\/orders$/);
  });

  it('that nobody names is a failure of its own, without a connection', async () => {
    const proof = await proveHub(accountOf(server.connectionString('send')));
    expect(failuresOf(proof)).toEqual(['hub not-found']);
    expect(proof.checks).toHaveLength(1);
    expect(server.calls).toEqual([]);
  });

  it('is refused where the connection string is of another one', async () => {
    const proof = await proveHub(accountOf(server.connectionString('of-one-hub')), 'waybill');
    expect(failuresOf(proof)).toEqual(['hub permission-denied']);
    expect(proof.checks[0]?.message).toMatch(/orders \(EntityPath\).*waybill/);
  });

  it('that does not describe itself in time is proven all the same', async () => {
    server.inject('read', { kind: 'silence', kept: false });
    // The same deadline is that of opening the link, which is to succeed.
    const impatient = { deadlines: { ...DEADLINES, open: 2_000 } };
    const proof = await proveHub(accountOf(server.connectionString('root')), 'waybill', impatient);
    expect(proof.outcome).toBe('passed');
    expect(checksThat(proof, 'failed')).toEqual(['partitions timed-out/ETIMEDOUT']);
  });
});
