import { EventHubProducerClient } from '@azure/event-hubs';
import { type EventHubsServer, startEventHubsServer } from './index.js';

/** A producer that tells of each failure; each event is a batch of its own. */
const openProducer = (server: EventHubsServer) =>
  new EventHubProducerClient(server.connectionString(), 'waybill', { retryOptions: { maxRetries: 0 } });

describe('the Event Hubs server', () => {
  it('answers each of several batches that come at once by what became of that one', async () => {
    let kept = 0;
    const server = await startEventHubsServer({
      // Every other batch is refused, right after one that is kept.
      onBatch: () => {
        kept += 1;
        server.inject('send', { kind: 'refuse', condition: 'amqp:internal-error' });
      },
    });
    const producer = openProducer(server);
    try {
      await producer.getPartitionIds();
      const answers = await Promise.allSettled(
        Array.from({ length: 20 }, (_, n) => producer.sendBatch([{ body: Buffer.from(String(n)) }])),
      );
      const accepted = answers.flatMap(({ status }, n) => (status === 'fulfilled' ? [String(n)] : []));
      expect(kept).toBe(10);
      expect(accepted).toEqual(server.received('waybill').map(({ body }) => body.toString()));
    } finally {
      await producer.close();
      await server.stop();
    }
  });
});
