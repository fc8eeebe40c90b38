import { EventHubProducerClient, type EventDataBatch } from '@azure/event-hubs';
import { type EventHubsServer, startEventHubsServer } from '@waybill/testkit/event-hubs';
import fc from 'fast-check';
import { PackedBatch } from './packed-batch.js';

/** What the SDK sends of a batch. */
const bytesOf = (batch: EventDataBatch): string =>
  (batch as unknown as { _generateMessage(): Buffer })._generateMessage().toString('hex');

let server: EventHubsServer;
let client: EventHubProducerClient;
beforeAll(async () => {
  server = await startEventHubsServer({ mostMessageBytes: 4_096 });
  client = new EventHubProducerClient(server.connectionString(), 'waybill');
});
afterAll(async () => {
  await client.close();
  await server.stop();
});

const text = fc.oneof(fc.string({ maxLength: 40, unit: 'binary' }), fc.string({ minLength: 200, maxLength: 300 }));
const event = fc.record({
  body: fc.oneof(fc.uint8Array({ maxLength: 400 }), fc.uint8Array({ minLength: 240, maxLength: 270 })).map(Buffer.from),
  properties: fc
    .dictionary(fc.string({ maxLength: 30 }), text, { maxKeys: 3, noNullPrototype: true })
    .map((own) => ({ ...own, 'record-key': 'ann' })),
});

it('takes the events that a batch of the SDK takes, counts as it counts, and is byte for byte the same', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(event, { minLength: 1, maxLength: 20, size: 'max' }),
      text,
      async (events, partitionKey) => {
        const theirs = await client.createBatch({ partitionKey });
        const ours = new PackedBatch(theirs.maxSizeInBytes, partitionKey);
        for (const each of events) {
          expect(ours.tryAdd(each)).toBe(theirs.tryAdd(each));
          expect([ours.count, ours.sizeInBytes]).toEqual([theirs.count, theirs.sizeInBytes]);
        }
        if (ours.count > 0) expect(bytesOf(ours)).toBe(bytesOf(theirs));
      },
    ),
    { numRuns: 200 },
  );
});
