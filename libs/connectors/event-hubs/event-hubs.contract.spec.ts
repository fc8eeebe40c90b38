import { randomUUID } from 'node:crypto';
import { describeWith } from '@waybill/testkit/availability';
import { newCertificate } from '@waybill/testkit/certificate';
import { type EventHubsServer, serverBusy, startEventHubsServer } from '@waybill/testkit/event-hubs';
import { findNamedEventHub, observeEventHub } from '@waybill/testkit/event-hubs-named';
import { type EventDestination, eventConnectorContract } from '../event-sink-suite.js';
import type { EventRecord } from '../port.js';
import { KEY_PROPERTY } from './batch.js';
import { createEventHubsConnector } from './index.js';
import { accountOf, sasAccountOf } from './test-account.js';

const IMPATIENT = { send: 1_000 };
const HUB = 'waybill';
const FEATURES = { properties: true, places: false };

const recordOf = (
  data: Buffer,
  { [KEY_PROPERTY]: key, ...properties }: Readonly<Record<string, unknown>>,
): EventRecord => ({
  key: String(key),
  data,
  properties: Object.fromEntries(Object.entries(properties).map(([name, value]) => [name, String(value)])),
});

const on = (server: EventHubsServer): Omit<EventDestination, 'credentials' | 'wrongCredentials'> => ({
  connector: createEventHubsConnector(),
  impatient: createEventHubsConnector({ deadlines: IMPATIENT }),
  target: { eventHub: HUB },
  missingTarget: { eventHub: 'nobody-made-this' },
  partner: {
    received: () => Promise.resolve(server.received(HUB).map(({ body, properties }) => recordOf(body, properties))),
  },
  faults: {
    throttle: () => server.inject('send', serverBusy(4)),
    breakDown: () => server.inject('send', { kind: 'refuse', condition: 'amqp:internal-error' }),
    loseAnswer: () => server.inject('send', { kind: 'drop', kept: true }),
    hang: () => {
      server.inject('send', { kind: 'silence', kept: false });
      return server.asked('send');
    },
    deny: () => server.grant(server.keyName, ['Listen']),
  },
  close: () => server.stop(),
});

const withConnectionString = (
  connectionString: string,
): Pick<EventDestination, 'credentials' | 'wrongCredentials'> => ({
  credentials: accountOf(connectionString),
  wrongCredentials: {
    credentials: accountOf(connectionString.replace(/(SharedAccessKey=)[^;]+/, '$1d3Jvbmc=')),
    code: 'bad-secret',
  },
});

describe('Azure Event Hubs on the server of the test kit', () => {
  eventConnectorContract(async () => {
    const server = await startEventHubsServer();
    return { ...on(server), ...withConnectionString(server.connectionString()) };
  }, FEATURES);
});

describe('Azure Event Hubs over TLS, with a namespace and a key', () => {
  eventConnectorContract(async () => {
    const { key, certificate } = await newCertificate();
    const server = await startEventHubsServer({ tls: { key, cert: certificate } });
    const account = { namespace: `localhost:${server.port}`, sasKeyName: server.keyName, sasKey: server.key };
    return {
      ...on(server),
      connector: createEventHubsConnector({ ca: certificate }),
      impatient: createEventHubsConnector({ deadlines: IMPATIENT, ca: certificate }),
      credentials: sasAccountOf(account),
      wrongCredentials: { credentials: sasAccountOf({ ...account, sasKey: 'd3Jvbmc=' }), code: 'bad-secret' },
    };
  }, FEATURES);
});

/** As a consumer reads what arrived, with the SDK's own client. */
const observed = async (connectionString: string, hub: string, count?: () => number) => {
  const observer = await observeEventHub({ connectionString, hub }, count);
  return {
    partner: {
      received: async () =>
        (await observer.received()).map(({ body, properties = {} }) => recordOf(body as Buffer, properties)),
    },
    close: () => observer.close(),
  };
};

describe('Azure Event Hubs on the server of the test kit, read by a consumer', () => {
  eventConnectorContract(async () => {
    const server = await startEventHubsServer();
    const observer = await observed(server.connectionString(), HUB, () => server.count(HUB));
    const close = () => observer.close().finally(() => server.stop());
    return { ...on(server), ...withConnectionString(server.connectionString()), ...observer, close };
  }, FEATURES);
});

describeWith('Azure Event Hubs on the hub that the environment names', findNamedEventHub(), (named) => {
  eventConnectorContract(
    async () => {
      const { connectionString, hub } = named();
      return {
        connector: createEventHubsConnector(),
        ...withConnectionString(connectionString),
        target: { eventHub: hub },
        missingTarget: { eventHub: `missing-${randomUUID()}` },
        ...(await observed(connectionString, hub)),
      };
    },
    { ...FEATURES, real: true },
  );
});
