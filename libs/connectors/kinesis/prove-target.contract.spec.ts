import { KinesisError, type KinesisServer, startKinesisServer } from '@waybill/testkit/kinesis';
import type { Proof } from '../port.js';
import { createKinesisConnector } from './index.js';
import { abortedAfter, checkNamed, checksThat, environment } from '../testing/proofs.js';
import { accountOn } from './test-account.js';

const connector = createKinesisConnector();
const impatient = createKinesisConnector({ timeouts: { probe: 2_000 } });
const STREAM = 'audience';

describe.each(['kinesalite', 'memory'] as const)('the proof of a stream on %s', (store) => {
  let server: KinesisServer;
  beforeAll(async () => (server = await startKinesisServer({ store, streams: { [STREAM]: 2 } })));
  afterEach(() => server.reset());
  afterAll(() => server.stop());
  const prove = (stream = STREAM, authentication = {}): Promise<Proof> =>
    connector.proveTarget(accountOn(server, { authentication }), { stream }, environment());

  it('tells that it is there, active, how much it takes, and that records can be put, with none put', async () => {
    const proof = await prove();
    expect(checksThat(proof, 'passed')).toEqual(['stream ok', 'active ok', 'throughput ok', 'write ok']);
    expect(proof.findings).toEqual({ maxRecordKiB: null, shards: 2, mode: 'PROVISIONED' });
    expect(checkNamed(proof, 'throughput').message).toContain('2 shards: 2 MiB and 2000 records a second');
    expect(server.received(STREAM)).toEqual([]);
  });

  it('puts a test record where one is asked for, as delivery would, and tells where it landed', async () => {
    const record = { key: 'k', data: Buffer.from('{"waybill":{"test":true}}') };
    const proveWithRecord = () => connector.proveTarget(accountOn(server), { stream: STREAM }, environment(), record);
    const proof = await proveWithRecord();
    expect(checksThat(proof, 'passed')).toEqual(['stream ok', 'active ok', 'throughput ok', 'write ok']);
    const [received, ...more] = server.received(STREAM);
    expect(more).toEqual([]);
    expect(received).toMatchObject({ key: 'k', data: record.data });
    expect(checkNamed(proof, 'write').message).toMatch(/stays in the stream, in shardId-\d+ at \d+\.$/);

    server.denied.add('PutRecords');
    const denied = await proveWithRecord();
    expect(denied.outcome).toBe('failed');
    expect(checkNamed(denied, 'write')).toMatchObject({
      outcome: 'failed',
      code: 'permission-denied/AccessDeniedException',
      remedy: expect.stringContaining('kinesis:PutRecords') as unknown,
    });
    server.reset();
    const codes = ['ProvisionedThroughputExceededException', 'InternalFailure'] as const;
    for (const code of codes) {
      server.inject('PutRecords', { kind: 'refuse-records', code, which: () => true });
      const write = checkNamed(await proveWithRecord(), 'write');
      expect(write).toMatchObject({ outcome: 'failed', code: `unexpected/${code}` });
      expect(write.remedy).toMatch(/^Try again/);
    }
  });

  it('reads the limits that the stream has of its own', async () => {
    server.summaries.set(STREAM, { MaxRecordSizeInKiB: 10_240, StreamModeDetails: { StreamMode: 'ON_DEMAND' } });
    const proof = await prove();
    expect(proof.findings).toEqual({ maxRecordKiB: 10_240, shards: 2, mode: 'ON_DEMAND' });
    expect(checkNamed(proof, 'throughput').message).toMatch(/On demand.*10240 KiB.*10 MiB/);
  });

  it('tells a stream that is not there', async () => {
    const proof = await prove('nowhere');
    expect(checksThat(proof, 'failed')).toEqual(['stream not-found/ResourceNotFoundException']);
    expect(checksThat(proof, 'skipped')).toEqual(['write not-tried']);
  });

  it.each([
    ['CREATING', 'active unexpected/CREATING'],
    ['DELETING', 'active not-found/DELETING'],
  ])('tells a stream that is %s', async (StreamStatus, failure) => {
    server.summaries.set(STREAM, { StreamStatus });
    expect(checksThat(await prove(), 'failed')).toEqual([failure]);
  });

  it('takes a stream that is being changed', async () => {
    server.summaries.set(STREAM, { StreamStatus: 'UPDATING' });
    expect((await prove()).outcome).toBe('passed');
  });

  it('needs no right to look', async () => {
    server.denied.add('DescribeStreamSummary');
    const proof = await prove();
    expect(proof.outcome).toBe('passed');
    expect(checksThat(proof, 'failed')).toEqual(['stream permission-denied/AccessDeniedException']);
    expect(checksThat(proof, 'passed')).toEqual(['write ok']);
  });

  it('needs the right to put, and prints the policy that gives it', async () => {
    server.denied.add('PutRecords');
    const proof = await prove();
    expect(proof.outcome).toBe('failed');
    expect(checksThat(proof, 'failed')).toEqual(['write permission-denied/AccessDeniedException']);
    expect(checkNamed(proof, 'write').remedy).toContain(`arn:aws:kinesis:us-east-1:*:stream/${STREAM}`);
  });

  it('says that a right to a KMS key is not proven', async () => {
    server.summaries.set(STREAM, { EncryptionType: 'KMS' });
    expect(checkNamed(await prove(), 'write').message).toContain('KMS key');
  });

  it('tells a KMS key that may not be used', async () => {
    const error = new KinesisError('KMSAccessDeniedException', 'The ciphertext refers to a key that you may not use.');
    server.inject('PutRecords', { kind: 'answer', error });
    const write = checkNamed(await prove(), 'write');
    expect(write).toMatchObject({ outcome: 'failed', code: 'permission-denied/KMSAccessDeniedException' });
    expect(write.remedy).toContain('kms:GenerateDataKey');
  });

  it('tells credentials that have gone bad since', async () => {
    expect(checksThat(await prove(STREAM, { secretAccessKey: 'x' }), 'failed')).toEqual([
      'stream bad-secret/InvalidSignatureException',
    ]);
  });

  it.each(['DescribeStreamSummary', 'PutRecords'] as const)('gives up on a %s without an answer', async (operation) => {
    server.inject(operation, { kind: 'hang' });
    const proof = await impatient.proveTarget(accountOn(server), { stream: STREAM }, environment());
    expect(proof.outcome).toBe('failed');
    expect(checksThat(proof, 'failed').join()).toMatch(/timed-out$/);
  });

  it('ends with the reason of an abort, wherever it is', async () => {
    for (const operation of ['DescribeStreamSummary', 'PutRecords'] as const) {
      server.inject(operation, { kind: 'hang' });
      const signal = abortedAfter(server.asked(operation));
      await expect(
        connector.proveTarget(accountOn(server), { stream: STREAM }, environment({ signal })),
      ).rejects.toThrow('shutting down');
    }
  });
});
