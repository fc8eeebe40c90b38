import { randomUUID } from 'node:crypto';
import { describeWith } from '@waybill/testkit/availability';
import { KinesisError, type KinesisServerOptions, startKinesisServer } from '@waybill/testkit/kinesis';
import { findNamedKinesis, observeKinesis } from '@waybill/testkit/kinesis-named';
import { eventConnectorContract, type EventDestination } from '../event-sink-suite.js';
import { createKinesisConnector } from './index.js';
import { accountOn } from './test-account.js';

const STREAM = 'contract';

const destinationOn = async (options: KinesisServerOptions): Promise<EventDestination> => {
  const server = await startKinesisServer({ ...options, streams: { [STREAM]: 3 } });
  const credentials = accountOn(server);
  return {
    connector: createKinesisConnector(),
    impatient: createKinesisConnector({ timeouts: { send: 1_000 } }),
    credentials,
    wrongCredentials: {
      credentials: accountOn(server, { authentication: { secretAccessKey: 'a-wrong-secret' } }),
      code: 'bad-secret',
    },
    target: { stream: STREAM },
    missingTarget: { stream: `missing-${randomUUID()}` },
    partner: {
      received: () => Promise.resolve(server.received(STREAM).map(({ key, data }) => ({ key, data }))),
    },
    faults: {
      throttle: () => {
        const error = new KinesisError('ProvisionedThroughputExceededException', 'Rate exceeded for all shards.');
        server.inject('PutRecords', { kind: 'answer', error });
      },
      breakDown: () => {
        server.inject('PutRecords', { kind: 'answer', error: new KinesisError('InternalFailure', 'Broken.', 500) });
      },
      loseAnswer: () => server.inject('PutRecords', { kind: 'lose-answer' }),
      hang: () => {
        server.inject('PutRecords', { kind: 'hang' });
        return server.asked('PutRecords');
      },
      deny: () => void server.denied.add('PutRecords'),
    },
    close: () => server.stop(),
  };
};

describe.each(['http/1.1', 'http/2'] as const)('Amazon Kinesis on kinesalite over %s', (speaks) => {
  eventConnectorContract(() => destinationOn({ speaks }), { properties: false, places: true });
});

describeWith('Amazon Kinesis on the service that the environment names', findNamedKinesis(), (named) => {
  eventConnectorContract(
    () => {
      const { stream, ...account } = named();
      const observer = observeKinesis(named());
      return Promise.resolve({
        connector: createKinesisConnector(),
        credentials: accountOn(account),
        wrongCredentials: {
          credentials: accountOn(account, { authentication: { secretAccessKey: 'a-wrong-secret' } }),
          code: 'bad-secret',
        },
        target: { stream },
        missingTarget: { stream: `missing-${randomUUID()}` },
        partner: { received: () => observer.received() },
        close: () => Promise.resolve(observer.close()),
      });
    },
    { properties: false, places: true, real: true },
  );
});
