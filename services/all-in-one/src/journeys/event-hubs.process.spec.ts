import { type EventHubsServer, startEventHubsServer } from '@waybill/testkit/event-hubs';
import type { Api } from './testing/api.js';
import { outcomeOf } from './testing/expectations.js';
import type { AccountView, DestinationView, Page, ValidationView } from './testing/views.js';
import { startWaybill, type Waybill } from './testing/waybill.js';

const HUB = 'audience-changes';
const SECRET = 'canary+secret/key=';

let waybill: Waybill;
let server: EventHubsServer;
let api: Api;

beforeAll(async () => {
  const policies = {
    send: { key: SECRET, rights: ['Send'] },
    listen: { key: 'listen-key', rights: ['Listen'] },
    'of-another-hub': { key: 'hub-key', rights: ['Send'], hub: 'orders' },
  } as const;
  [waybill, server] = await Promise.all([
    startWaybill(),
    startEventHubsServer({ hubs: { [HUB]: 4, orders: 2 }, policies }),
  ]);
  api = waybill.api();
});
afterEach(() => server.reset());
afterAll(() => Promise.all([waybill.close(), server.stop()]));

const connect = (name: string, connectionString = server.connectionString('send')) =>
  api.post<AccountView>('/v1/accounts', {
    type: 'azure-event-hubs',
    name,
    authentication: { method: 'connection-string', connectionString },
  });
const connected = async (name: string, connectionString?: string): Promise<string> => {
  const answer = await connect(name, connectionString);
  expect(outcomeOf(answer)).toBe('201');
  return answer.body.id;
};
const create = (accountId: string, name: string, target: object) =>
  api.post<DestinationView>('/v1/destinations', { accountId, name, target });

describe('an account of Azure Event Hubs', () => {
  it('is connected once its key was proven, without naming a hub', async () => {
    const answer = await connect('Acme');
    expect(outcomeOf(answer)).toBe('201');
    const { authentication, validation } = answer.body;
    expect(authentication).toMatchObject({ connectionString: expect.stringMatching(/^•+$/) as unknown });
    expect(validation.checks.map(({ name, outcome }) => `${name} ${outcome}`)).toEqual([
      'connect passed',
      'authenticate passed',
    ]);
    expect(JSON.stringify(answer.body)).not.toContain(SECRET);
  });

  it('is refused with a wrong key in seconds, and nothing of it is left', async () => {
    const started = performance.now();
    const answer = await connect('Wrong', server.connectionString('send').replace(SECRET, 'canary-wrong'));
    expect(outcomeOf(answer)).toBe('422 credentials-rejected');
    expect(answer.problem.checks?.filter(({ outcome }) => outcome === 'failed').map(({ code }) => code)).toEqual([
      'bad-secret/InvalidSignature',
    ]);
    expect(performance.now() - started).toBeLessThan(25_000);
    expect(JSON.stringify(answer.problem)).not.toContain('canary');
    const { body } = await api.get<Page<AccountView>>('/v1/accounts?search=Wrong');
    expect(body.items).toEqual([]);
  });

  it('is refused with a connection string that is none, which is not repeated', async () => {
    const answer = await connect('None', `Endpoint=sb://localhost/;SharedAccessKey=${SECRET}`);
    expect(answer.status).toBe(400);
    expect(JSON.stringify(answer.problem)).toContain('SharedAccessKeyName is not there');
    expect(JSON.stringify(answer.problem)).not.toContain(SECRET);
  });
});

describe('a destination on Azure Event Hubs', () => {
  it('is created on a hub that is there, with the right to send alone and nothing put into it', async () => {
    const answer = await create(await connected('Hubs'), 'Changes', { eventHub: HUB });
    expect(outcomeOf(answer)).toBe('201');
    expect(answer.body).toMatchObject({ type: 'azure-event-hubs', status: 'enabled', target: { eventHub: HUB } });
    expect(server.count(HUB)).toBe(0);
  });

  it('is sent one marked record when its validation asks for it, with the right to send alone', async () => {
    const { id } = (await create(await connected('Trial'), 'Trial', { eventHub: HUB })).body;
    const { body } = await api.post<ValidationView>(`/v1/destinations/${id}/validations`, { testRecord: true });
    expect(body.outcome).toBe('passed');
    expect(body.checks.find(({ name }) => name === 'write')).toMatchObject({ outcome: 'passed', call: 'transfer' });
    const [record, ...more] = server.received(HUB).map((each) => JSON.parse(each.body.toString('utf8')) as object);
    expect(more).toEqual([]);
    expect(record).toMatchObject({ waybill: { test: true, eventId: body.id, destinationId: id } });
  });

  it("is created on its account's hub when it names none", async () => {
    const accountId = await connected('One hub', server.connectionString('of-another-hub'));
    expect(outcomeOf(await create(accountId, 'Orders', {}))).toBe('201');
  });

  it('is refused on a hub that is missing, not named, or may not be sent to', async () => {
    const failuresOf = async (accountId: string, name: string, target: object) => {
      const answer = await create(accountId, name, target);
      expect(outcomeOf(answer)).toBe('422 target-rejected');
      const required = answer.problem.checks?.filter(({ outcome, optional }) => outcome === 'failed' && !optional);
      return required?.map(({ code }) => code);
    };
    const sender = await connected('Refusals');
    expect(await failuresOf(sender, 'Nowhere', { eventHub: 'nowhere' })).toEqual([
      'not-found/MessagingEntityNotFoundError',
    ]);
    expect(await failuresOf(sender, 'Nameless', {})).toEqual(['not-found']);
    const listener = await connected('Listener', server.connectionString('listen'));
    expect(await failuresOf(listener, 'Read only', { eventHub: HUB })).toEqual(['permission-denied/UnauthorizedError']);
  });
});
