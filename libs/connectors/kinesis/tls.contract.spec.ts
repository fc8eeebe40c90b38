import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { newCertificate } from '@waybill/testkit/certificate';
import { type KinesisServer, type KinesisServerOptions, startKinesisServer } from '@waybill/testkit/kinesis';
import { createKinesisConnector } from './index.js';
import { checkNamed, environment } from '../testing/proofs.js';
import { accountOn } from './test-account.js';

const STREAM = 'audience';
const connector = createKinesisConnector({ timeouts: { probe: 3_000 } });

describe('Kinesis over TLS', () => {
  const usual = getCACertificates('default');
  let certificate: NonNullable<KinesisServerOptions['certificate']>;
  let server: KinesisServer | undefined;
  beforeAll(async () => (certificate = await newCertificate()));
  afterEach(async () => {
    setDefaultCACertificates(usual);
    await server?.stop();
  });

  it.each([
    ['both', 'http/1.1'],
    ['http/1.1', 'http/1.1'],
    ['http/2', 'http/2'],
  ] as const)('is proven and sent to where the server speaks %s', async (speaks, transport) => {
    setDefaultCACertificates([...usual, certificate.certificate]);
    server = await startKinesisServer({ store: 'memory', streams: { [STREAM]: 1 }, certificate, speaks });
    const { findings, outcome } = await connector.proveCredentials(accountOn(server), environment());
    expect({ findings, outcome }).toEqual({ findings: { transport }, outcome: 'passed' });
    const sink = await connector.openEventSink!(accountOn(server, { findings }), { stream: STREAM }, environment());
    const batch = await sink.openBatch('');
    batch.add({ key: 'key', data: Buffer.from('{}') });
    expect(await batch.send(new AbortController().signal)).toMatchObject([{ sent: true }]);
    await sink.close();
  });

  it.each(['both', 'http/2'] as const)('is refused with a certificate that nobody vouches for (%s)', async (speaks) => {
    server = await startKinesisServer({ store: 'memory', certificate, speaks });
    const connect = checkNamed(await connector.proveCredentials(accountOn(server), environment()), 'connect');
    expect(connect).toMatchObject({
      outcome: 'failed',
      code: 'unreachable/DEPTH_ZERO_SELF_SIGNED_CERT',
      remedy: expect.stringContaining('certificate') as unknown,
    });
    expect(server.calls).toEqual([]);
  });
});
