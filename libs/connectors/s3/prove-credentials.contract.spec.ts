import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { describeWith } from '@waybill/testkit/availability';
import { type S3Server, startS3Server } from '@waybill/testkit/s3-server';
import { findVersitygw, startVersitygw } from '@waybill/testkit/versitygw';
import type { Credentials, Proof } from '../port.js';
import { createS3Connector } from './index.js';
import { abortedAfter, checkNamed, checksThat, environment } from '../testing/proofs.js';
import { accountOn, roleAt } from './test-account.js';

const connector = createS3Connector();
const impatient = createS3Connector({ timeouts: { probe: 400 } });
const prove = (credentials: Credentials): Promise<Proof> => connector.proveCredentials(credentials, environment());

const listening = async (server: Server): Promise<string> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
};

describe('the proof of an access key', () => {
  let server: S3Server;
  beforeAll(async () => (server = await startS3Server({ region: 'eu-central-1' })));
  afterEach(() => server.reset());
  afterAll(() => server.stop());

  it('finds the region where the account states none', async () => {
    const proof = await prove(accountOn(server));
    expect(proof.outcome).toBe('passed');
    expect(proof.findings).toEqual({ region: 'eu-central-1' });
    expect(checksThat(proof, 'passed')).toEqual(['connect ok', 'authenticate ok', 'region ok']);
  });

  it('names the right region where the account states another', async () => {
    const proof = await prove(accountOn(server, { authentication: { region: 'us-west-2' } }));
    expect(proof.outcome).toBe('failed');
    expect(checksThat(proof, 'failed')).toEqual(['region wrong-region/AuthorizationHeaderMalformed']);
    expect(checkNamed(proof, 'region')).toMatchObject({
      message: expect.stringContaining('us-west-2') as unknown,
      remedy: expect.stringContaining('eu-central-1') as unknown,
    });
  });

  it.each([
    ['an unknown key', { accessKeyId: 'NOBODY' }, 'authenticate bad-key/InvalidAccessKeyId'],
    ['a wrong secret', { secretAccessKey: 'canary-secret' }, 'authenticate bad-secret/SignatureDoesNotMatch'],
  ])('tells %s', async (_, authentication, failure) => {
    const proof = await prove(accountOn(server, { authentication }));
    expect(checksThat(proof, 'failed')).toEqual([failure]);
    expect(checkNamed(proof, 'connect').outcome).toBe('passed');
    expect(JSON.stringify(proof)).not.toContain('canary-secret');
  });

  it('knows who may not list buckets', async () => {
    server.denied.add('s3:ListAllMyBuckets');
    expect(await prove(accountOn(server))).toMatchObject({ outcome: 'passed' });
  });

  it('tells that the clocks differ, and does not set its own in silence', async () => {
    const elsewhen = await startS3Server({ clockOffsetMs: 20 * 60_000 });
    const proof = await prove(accountOn(elsewhen));
    expect(checksThat(proof, 'failed')).toEqual(['authenticate clock-skew/RequestTimeTooSkewed']);
    await elsewhen.stop();
  });

  it('tells a server that is busy', async () => {
    server.inject('ListBuckets', { kind: 'answer', status: 503, code: 'SlowDown' });
    expect(checksThat(await prove(accountOn(server)), 'failed')).toEqual(['connect unexpected/SlowDown']);
  });

  it('gives up on a server that takes the request and says nothing', async () => {
    server.inject('ListBuckets', { kind: 'hang' });
    const started = performance.now();
    const proof = await impatient.proveCredentials(accountOn(server), environment());
    expect(checksThat(proof, 'failed')).toEqual(['connect timed-out']);
    expect(performance.now() - started).toBeLessThan(8_000);
  });

  it('gives up on a port that takes connections and says nothing', async () => {
    const silent = createServer(() => undefined);
    const endpoint = `http://${await listening(silent)}`;
    const proof = await impatient.proveCredentials(accountOn({ ...server, endpoint }), environment());
    expect(checksThat(proof, 'failed')).toEqual(['connect timed-out']);
    silent.close();
  });

  it.each([
    ['a closed port', 'http://127.0.0.1:1', /^connect unreachable\/ECONNREFUSED$/],
    // Later than our deadline where no resolver answers.
    ['a name that is none', 'http://nowhere.invalid', /^connect (unreachable\/E\w+|timed-out)$/],
  ])('tells %s', async (_, endpoint, failure) => {
    const [failed] = checksThat(await prove(accountOn({ ...server, endpoint })), 'failed');
    expect(failed).toMatch(failure);
  });

  it('tells a port that speaks no TLS', async () => {
    const endpoint = server.endpoint.replace('http:', 'https:');
    const proof = await prove(accountOn({ ...server, endpoint }));
    expect(checkNamed(proof, 'connect')).toMatchObject({
      code: expect.stringMatching(/^unreachable\//) as unknown,
      remedy: expect.stringContaining('https') as unknown,
    });
  });

  it.each([
    [200, '<html><body>Welcome</body></html>'],
    [200, ''],
    [404, '<html><body>Not found</body></html>'],
  ])('tells a web server that is no S3 (%i)', async (status, body) => {
    const web = createHttpServer((_, response) => response.writeHead(status).end(body));
    const endpoint = `http://${await listening(web)}`;
    const proof = await prove(accountOn({ ...server, endpoint }));
    expect(proof.outcome).toBe('failed');
    expect(checkNamed(proof, 'connect')).toMatchObject({
      outcome: 'failed',
      remedy: expect.stringContaining('Check') as unknown,
    });
    web.close();
  });

  it.each([
    ['an address', '127.0.0.1'],
    ['a name', 'localhost'],
  ])('refuses a private endpoint given as %s, and sends it nothing', async (_, host) => {
    const endpoint = server.endpoint.replace('127.0.0.1', host);
    const proof = await connector.proveCredentials(
      accountOn({ ...server, endpoint: endpoint.replace('http:', 'https:') }),
      environment({ allowPrivateNetworks: false }),
    );
    expect(checksThat(proof, 'failed')).toEqual(['connect address-refused']);
    expect(server.calls).toEqual([]);
  });

  it('refuses http:// where private networks are not allowed', async () => {
    const proof = await connector.proveCredentials(
      accountOn({ ...server, endpoint: 'http://s3.partner.example' }),
      environment({ allowPrivateNetworks: false }),
    );
    expect(checkNamed(proof, 'connect')).toMatchObject({
      code: 'address-refused',
      message: expect.stringContaining('http://') as unknown,
    });
  });

  it('ends with the reason of an abort', async () => {
    server.inject('ListBuckets', { kind: 'hang' });
    const signal = abortedAfter(server.asked('ListBuckets'));
    await expect(connector.proveCredentials(accountOn(server), environment({ signal }))).rejects.toThrow(
      'shutting down',
    );
  });
});

describeWith('the proof of an access key on versitygw', findVersitygw(), (binary) => {
  it.each([
    ['an unknown key', { accessKeyId: 'NOBODY' }, 'authenticate bad-key/InvalidAccessKeyId'],
    ['a wrong secret', { secretAccessKey: 'x' }, 'authenticate bad-secret/SignatureDoesNotMatch'],
    ['another region', { region: 'eu-west-1' }, 'region wrong-region/AuthorizationHeaderMalformed'],
  ])('tells %s', async (_, authentication, failure) => {
    const server = await startVersitygw(binary());
    expect(checksThat(await prove(accountOn(server, { authentication })), 'failed')).toEqual([failure]);
    await server.stop();
  });
});

describe('the proof of a role', () => {
  const arn = 'arn:aws:iam::123456789012:role/waybill';
  let server: S3Server;
  beforeAll(async () => (server = await startS3Server({ roles: { [arn]: { externalId: 'ours' } } })));
  afterAll(() => server.stop());

  const connectorAt = (credentials = { accessKeyId: server.accessKeyId, secretAccessKey: server.secretAccessKey }) =>
    createS3Connector({ aws: { endpoint: server.endpoint, credentials } });

  it('passes with the external id that the role trusts', async () => {
    const proof = await connectorAt().proveCredentials(roleAt(arn, 'ours'), environment());
    expect(checksThat(proof, 'passed')).toEqual(['assume-role ok']);
  });

  it.each([
    ['another external id', arn, 'theirs'],
    ['an unknown role', 'arn:aws:iam::123456789012:role/other', 'ours'],
  ])('fails with %s, and prints the trust policy', async (_, role, externalId) => {
    const proof = await connectorAt().proveCredentials(roleAt(role, externalId), environment());
    expect(checksThat(proof, 'failed')).toEqual(['assume-role permission-denied/AccessDenied']);
    expect(checkNamed(proof, 'assume-role').remedy).toContain(`"sts:ExternalId":"${externalId}"`);
  });

  it('asks anew each time', async () => {
    const own = connectorAt();
    server.reset();
    for (const _ of [1, 2]) await own.proveCredentials(roleAt(arn, 'ours'), environment());
    expect(server.calls.map(({ operation }) => operation)).toEqual(['AssumeRole', 'AssumeRole']);
  });

  it('says when this Waybill has no identity of its own', async () => {
    const nobody = createS3Connector({
      aws: {
        endpoint: server.endpoint,
        credentials: () => Promise.reject(Object.assign(new Error('none'), { name: 'CredentialsProviderError' })),
      },
    });
    const proof = await nobody.proveCredentials(roleAt(arn, 'ours'), environment());
    expect(checksThat(proof, 'failed')).toEqual(['assume-role not-supported/CredentialsProviderError']);
  });
});
