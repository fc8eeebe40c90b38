import { type KinesisServer, startKinesisServer } from '@waybill/testkit/kinesis';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Api } from './testing/api.js';
import { outcomeOf } from './testing/expectations.js';
import type { AccountView, DestinationView, Page, ValidationView } from './testing/views.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

const STREAM = 'audience-changes';

let waybill: Waybill;
let server: KinesisServer;
let api: Api;

beforeAll(async () => {
  [waybill, server] = await Promise.all([startWaybill(), startKinesisServer({ streams: { [STREAM]: 2 } })]);
  api = waybill.api();
});
afterEach(() => server.reset());
afterAll(() => Promise.all([waybill.close(), server.stop()]));

const connect = (name: string, changes: object = {}) => {
  const { accessKeyId, secretAccessKey, region, endpoint } = server;
  const authentication = { method: 'access-key', accessKeyId, secretAccessKey, region, endpoint, ...changes };
  return api.post<AccountView>('/v1/accounts', { type: 'amazon-kinesis', name, authentication });
};
const connected = async (name: string): Promise<string> => {
  const answer = await connect(name);
  expect(outcomeOf(answer)).toBe('201');
  return answer.body.id;
};
const create = (accountId: string, name: string, stream = STREAM) =>
  api.post<DestinationView>('/v1/destinations', { accountId, name, target: { stream } });

describe('an account of Amazon Kinesis', () => {
  it('is connected once its credentials were proven, without naming a stream', async () => {
    const answer = await connect('Acme');
    expect(outcomeOf(answer)).toBe('201');
    const { authentication, validation } = answer.body;
    expect(authentication).toMatchObject({ secretAccessKey: expect.stringMatching(/^•+$/) as unknown });
    expect(validation.checks.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      'connect passed',
      'authenticate passed',
      'region passed',
    ]);
    expect(JSON.stringify(answer.body)).not.toContain(server.secretAccessKey);
  });

  it.each([
    ['a wrong secret', { secretAccessKey: 'canary-secret' }, 'bad-secret/InvalidSignatureException'],
    ['an unknown key', { accessKeyId: 'NOBODY' }, 'bad-key/UnrecognizedClientException'],
    ['another region', { region: 'eu-west-1' }, 'wrong-region/InvalidSignatureException'],
  ])('is refused with %s, and nothing of it is left', async (what, changes, code) => {
    const answer = await connect(what, changes);
    expect(outcomeOf(answer)).toBe('422 credentials-rejected');
    expect(answer.problem.checks?.filter(({ outcome }) => outcome === 'failed').map((check) => check.code)).toEqual([
      code,
    ]);
    expect(JSON.stringify(answer.problem)).not.toContain('canary-secret');
    const { body } = await api.get<Page<AccountView>>(`/v1/accounts?search=${encodeURIComponent(what)}`);
    expect(body.items).toEqual([]);
  });
});

describe('a destination on Amazon Kinesis', () => {
  it('is created on a stream that is there, with nothing put into it', async () => {
    const answer = await create(await connected('Streams'), 'Changes');
    expect(outcomeOf(answer)).toBe('201');
    expect(answer.body).toMatchObject({ type: 'amazon-kinesis', status: 'enabled', target: { stream: STREAM } });
    expect(server.received(STREAM)).toEqual([]);
  });

  it('is proven again when asked to, with one marked record when that is asked for, too', async () => {
    const { id } = (await create(await connected('Trial'), 'Trial')).body;
    const validate = (body?: object, headers?: Record<string, string>) =>
      api.post<ValidationView>(`/v1/destinations/${id}/validations`, body, headers);
    const untouched = await validate();
    expect(outcomeOf(untouched)).toBe('201');
    expect(untouched.body).toMatchObject({ subject: { kind: 'target', destinationId: id }, outcome: 'passed' });
    expect(server.received(STREAM)).toEqual([]);

    const key = { 'idempotency-key': 'trial-1' };
    const { body, headers } = await validate({ testRecord: true }, key);
    expect(body.checks.find(({ name }) => name === 'write')).toMatchObject({ outcome: 'passed', call: 'PutRecords' });
    expect((await validate({ testRecord: true }, key)).body.id).toBe(body.id);
    const [record, ...more] = server.received(STREAM).map(({ data }) => JSON.parse(data.toString('utf8')) as object);
    expect(more).toEqual([]);
    expect(record).toMatchObject({ waybill: { test: true, eventId: body.id, tenant: 'default', destinationId: id } });
    const schema = (await api.get<object>('/v1/schemas/test-record.json')).body;
    expect(new Ajv2020({ validateFormats: false }).validate(schema, record)).toBe(true);
    expect((await api.get<ValidationView>(headers.get('location') ?? '')).body).toEqual(body);

    server.denied.add('PutRecords');
    const denied = await validate({ testRecord: true });
    expect(outcomeOf(denied)).toBe('201');
    expect(denied.body.outcome).toBe('failed');
    expect(denied.body.checks.find(({ name }) => name === 'write')).toMatchObject({
      outcome: 'failed',
      code: 'permission-denied/AccessDeniedException',
    });
    expect(outcomeOf(await validate({ testRecords: true }))).toBe('400 invalid-input');
  });

  it('is refused on a stream that is not there, is not active, or may not be written to', async () => {
    const accountId = await connected('Refusals');
    const failureOf = async (name: string, stream?: string) => {
      const answer = await create(accountId, name, stream);
      expect(outcomeOf(answer)).toBe('422 target-rejected');
      return answer.problem.checks?.filter(({ outcome }) => outcome === 'failed').map((check) => check.code);
    };
    expect(await failureOf('Nowhere', 'nowhere')).toEqual(['not-found/ResourceNotFoundException']);
    server.summaries.set(STREAM, { StreamStatus: 'CREATING' });
    expect(await failureOf('Too early')).toEqual(['unexpected/CREATING']);
    server.reset();
    server.denied.add('PutRecords');
    expect(await failureOf('Read only')).toEqual(['permission-denied/AccessDeniedException']);
  });
});
