import { connectorFor, type EventSink } from '@waybill/connectors';
import { type EventHubsServer, type Fault, startEventHubsServer } from '@waybill/testkit/event-hubs';
import { eventOf, memoryFeed, MemoryLedger } from './testing/memory-feed.js';
import { LIMITS, senderFor, until } from './testing/sender.js';

const target = { eventHub: 'waybill' };
const limits = { ...LIMITS, records: { live: 400, slow: 20 }, retry: { ...LIMITS.retry, attempts: 3, patienceMs: 5 } };

let server: EventHubsServer;

beforeEach(async () => {
  server = await startEventHubsServer();
});
afterEach(() => server.stop());

const open = (): Promise<EventSink> =>
  connectorFor('azure-event-hubs')!.openEventSink!(
    {
      scope: { tenant: 'acme', sandbox: 'prod' },
      accountId: 'f3b6f8f0-7c0e-4b5e-9d3c-0d8a1f0f2b11',
      method: 'connection-string',
      authentication: { connectionString: server.connectionString() },
      findings: {},
    },
    target,
    { allowPrivateNetworks: true, signal: new AbortController().signal },
  );

const sends = (): number => server.calls.filter(({ operation }) => operation === 'send').length;
const log = Array.from({ length: 200 }, (_, n) => eventOf(`p${n}`, n + 1));

describe('Sending to a hub', () => {
  it.each<[string, Fault]>([
    ['drops whoever sends', { kind: 'drop', kept: false }],
    ['breaks inside', { kind: 'refuse', condition: 'amqp:internal-error' }],
  ])('gives nothing up while the namespace lets links be opened and %s, and says so', async (_, fault) => {
    server.inject('send', fault, Infinity);
    const ledger = new MemoryLedger();
    const sender = senderFor({ open }, ledger, [memoryFeed(log)], { limits });
    await until(() => sends() > 15 && sender.state.state === 'unavailable');
    expect(sender.state.problem?.slug).toBe('partner-unavailable');
    server.reset();
    await until(() => ledger.positions.get('live') === 200);
    await sender.drain(1_000);
    expect(ledger.total('failed')).toBe(0);
    expect(server.count('waybill')).toBe(200);
    expect(sender.state.state).toBe('sending');
  });

  it('gives up the record that the service refuses, and none that went in one batch with it', async () => {
    server.inject('send', { kind: 'refuse', condition: 'amqp:decode-error' }, 3);
    const key = 'k';
    const records = ['a', 'b', 'c', 'd'].map((profileId, n) => eventOf(profileId, n + 1, key));
    const ledger = new MemoryLedger();
    const sender = senderFor({ open }, ledger, [memoryFeed(records)], { limits });
    await until(() => ledger.positions.get('live') === 4);
    await sender.drain(1_000);
    expect([...ledger.deadLetters.keys()]).toEqual(['a#1']);
    expect(server.received('waybill').map(({ properties }) => properties?.['eventId'])).toEqual(['b#2', 'c#3', 'd#4']);
  });
});
