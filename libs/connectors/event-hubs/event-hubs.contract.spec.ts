import { type EventHubsServer, serverBusy, startEventHubsServer } from '@waybill/testkit/event-hubs';
import { type EventDestination, eventConnectorContract } from '../event-sink-suite.js';
import { createEventHubsConnector } from './index.js';
import { KEY_PROPERTY } from './batch.js';
import type { EventRecord } from '../port.js';
import { accountOf } from './test-account.js';

const SHORT = { connect: 1_000, handshake: 1_000, open: 1_000, send: 1_000, detached: 200, close: 500 };

/** What a hub was sent, as records. */
const recordsOn = (server: EventHubsServer, hub: string): readonly EventRecord[] =>
  server.received(hub).map(({ body, properties: { [KEY_PROPERTY]: key, ...properties } }) => ({
    key: String(key),
    data: body,
    properties: Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, String(value)])),
  }));

const openCounterpart = async (): Promise<EventDestination> => {
  const server = await startEventHubsServer();
  return {
    connector: createEventHubsConnector({ deadlines: SHORT }),
    credentials: accountOf(server.connectionString()),
    wrongCredentials: {
      credentials: accountOf(server.connectionString().replace(server.key, 'd3Jvbmc=')),
      code: 'bad-secret',
    },
    target: { eventHub: 'waybill' },
    missingTarget: { eventHub: 'nobody-made-this' },
    partner: { received: async () => recordsOn(server, 'waybill') },
    faults: {
      throttle: () => server.inject('send', serverBusy(4)),
      breakDown: () => server.inject('send', { kind: 'refuse', condition: 'amqp:internal-error' }),
      loseAnswer: () => server.inject('send', { kind: 'drop', kept: true }),
      hang: () => server.inject('send', { kind: 'silence', kept: false }),
      deny: () => server.grant(server.keyName, ['Listen']),
    },
    close: () => server.stop(),
  };
};

describe('Azure Event Hubs, on the server of the test kit', () => {
  eventConnectorContract(openCounterpart, { properties: true, places: false });
});
