import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import {
  KinesisError,
  type KinesisServer,
  type KinesisServerOptions,
  startKinesisServer,
} from '@waybill/testkit/kinesis';
import type { Check, Credentials, Proof } from '../port.js';
import { createKinesisConnector } from './index.js';
import { abortedAfter, checkNamed, checksThat, environment } from '../testing/proofs.js';
import { accountOn } from './test-account.js';

const connector = createKinesisConnector();
const impatient = createKinesisConnector({ timeouts: { probe: 2_000 } });
const prove = (credentials: Credentials): Promise<Proof> => connector.proveCredentials(credentials, environment());

const withServer = async (options: KinesisServerOptions, work: (server: KinesisServer) => Promise<void>) => {
  const server = await startKinesisServer({ store: 'memory', ...options });
  await work(server).finally(() => server.stop());
};

const listening = async (server: Server): Promise<string> => {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

describe('the proof of an access key', () => {
  let server: KinesisServer;
  beforeAll(async () => (server = await startKinesisServer({ store: 'memory', region: 'eu-central-1' })));
  afterEach(() => server.reset());
  afterAll(() => server.stop());

  it('names no stream, asks once, and keeps what it found', async () => {
    const proof = await prove(accountOn(server));
    expect(checksThat(proof, 'passed')).toEqual(['connect ok', 'authenticate ok', 'region ok']);
    expect(proof).toMatchObject({ outcome: 'passed', findings: { transport: 'http/1.1' } });
    expect(server.calls).toEqual([
      {
        operation: 'DescribeStreamSummary',
        stream: expect.stringMatching(/^waybill-probe-/) as unknown,
        protocol: 'http/1.1',
      },
    ]);
  });

  it('knows who may not describe streams', async () => {
    server.denied.add('DescribeStreamSummary');
    expect(checksThat(await prove(accountOn(server)), 'passed')).toEqual([
      'connect ok',
      'authenticate ok',
      'region ok',
    ]);
  });

  it.each([
    ['an unknown key', { accessKeyId: 'NOBODY' }, 'authenticate bad-key/UnrecognizedClientException'],
    ['a wrong secret', { secretAccessKey: 'canary-secret' }, 'authenticate bad-secret/InvalidSignatureException'],
    ['another region', { region: 'us-west-2' }, 'region wrong-region/InvalidSignatureException'],
  ])('tells %s', async (_, authentication, failure) => {
    const proof = await prove(accountOn(server, { authentication }));
    expect(proof.outcome).toBe('failed');
    expect(checksThat(proof, 'failed')).toEqual([failure]);
    expect(checkNamed(proof, 'connect').outcome).toBe('passed');
    expect(JSON.stringify(proof)).not.toContain('canary-secret');
  });

  it('tells a service that is busy, and one that answers late', async () => {
    const busy = new KinesisError('ServiceUnavailableException', 'Busy.', 503);
    server.inject('DescribeStreamSummary', { kind: 'answer', error: busy });
    expect(checksThat(await prove(accountOn(server)), 'failed')).toEqual([
      'connect unexpected/ServiceUnavailableException',
    ]);
    server.inject('DescribeStreamSummary', { kind: 'delay', ms: 300 });
    expect((await prove(accountOn(server))).outcome).toBe('passed');
  });

  it('gives up on a service that takes the request and says nothing', async () => {
    server.inject('DescribeStreamSummary', { kind: 'hang' });
    const proof = await impatient.proveCredentials(accountOn(server), environment());
    expect(checksThat(proof, 'failed')).toEqual(['connect timed-out']);
    expect(server.calls).toHaveLength(1);
  });

  it('refuses a private endpoint, and sends it nothing', async () => {
    for (const host of ['127.0.0.1', 'localhost']) {
      const endpoint = server.endpoint.replace('http:', 'https:').replace('127.0.0.1', host);
      const account = accountOn({ ...server, endpoint });
      const proof = await connector.proveCredentials(account, environment({ allowPrivateNetworks: false }));
      expect(checksThat(proof, 'failed')).toEqual(['connect address-refused']);
    }
    expect(server.calls).toEqual([]);
  });

  it('ends with the reason of an abort', async () => {
    server.inject('DescribeStreamSummary', { kind: 'hang' });
    const signal = abortedAfter(server.asked('DescribeStreamSummary'));
    await expect(connector.proveCredentials(accountOn(server), environment({ signal }))).rejects.toThrow(
      'shutting down',
    );
  });

  it('tells a region that AWS does not have', async () => {
    const nowhere = { ...server, endpoint: '', region: 'eu-nowhere-1' };
    const [failed] = checksThat(await prove(accountOn(nowhere)), 'failed');
    // Where no resolver answers, nobody knows whether there is such a region.
    expect(failed).toMatch(/^connect (wrong-region\/ENOTFOUND|unreachable\/EAI_AGAIN|timed-out)$/);
  });

  it('tells a port that speaks no TLS', async () => {
    const endpoint = server.endpoint.replace('http:', 'https:');
    const { code, remedy } = checkNamed(await prove(accountOn({ ...server, endpoint })), 'connect');
    expect(code).toMatch(/^unreachable\//);
    expect(remedy).toContain('https');
  });
});

it.each(['http/1.1', 'http/2'] as const)('finds out that an endpoint speaks %s only', async (speaks) => {
  await withServer({ speaks, streams: { events: 1 } }, async (server) => {
    const { outcome, findings } = await prove(accountOn(server));
    expect({ outcome, findings }).toEqual({ outcome: 'passed', findings: { transport: speaks } });
    expect(checksThat(await prove(accountOn(server, { authentication: { secretAccessKey: 'x' } })), 'failed')).toEqual([
      'authenticate bad-secret/InvalidSignatureException',
    ]);
    const target = await connector.proveTarget(accountOn(server, { findings }), { stream: 'events' }, environment());
    expect(target.outcome).toBe('passed');
  });
});

it('tells that the clocks differ, and does not set its own in silence', async () => {
  await withServer({ clockOffsetMs: 20 * 60_000 }, async (server) => {
    expect(checksThat(await prove(accountOn(server)), 'failed')).toEqual([
      'authenticate clock-skew/InvalidSignatureException',
    ]);
  });
});

describe('what is no Kinesis', () => {
  const at = (endpoint: string) =>
    accountOn({ endpoint, region: 'eu-central-1', accessKeyId: 'a', secretAccessKey: 'b' });
  const connectTo = async (server: Server): Promise<Check> => {
    const endpoint = await listening(server);
    const proof = await prove(at(endpoint));
    server.close();
    expect(proof.outcome).toBe('failed');
    return checkNamed(proof, 'connect');
  };

  it.each([
    [200, '<html><body>Welcome</body></html>'],
    [200, '{}'],
    [404, '<html><body>Not found</body></html>'],
    [403, ''],
  ])('is told by a web server that answers %i %j', async (status, body) => {
    const web = createHttpServer((_, response) => response.writeHead(status).end(body));
    expect(await connectTo(web)).toMatchObject({
      outcome: 'failed',
      code: expect.stringMatching(/^not-supported/) as unknown,
    });
  });

  it('is told by a port that hangs up, and by one that talks nonsense', async () => {
    expect((await connectTo(createServer((socket) => socket.destroy()))).code).toMatch(/^unreachable/);
    expect((await connectTo(createServer((socket) => socket.end('220 mail.example ESMTP\r\n')))).code).toMatch(
      /^unreachable/,
    );
  });

  it.each([
    ['a closed port', 'http://127.0.0.1:1', /^connect unreachable\/ECONNREFUSED$/],
    // Later than our deadline where no resolver answers.
    ['a name that is none', 'http://nowhere.invalid', /^connect (unreachable\/E\w+|timed-out)$/],
  ])('is told by %s', async (_, endpoint, failure) => {
    expect(checksThat(await prove(at(endpoint)), 'failed')[0]).toMatch(failure);
  });
});
