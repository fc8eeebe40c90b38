import { type EventHubsServer, startEventHubsServer } from '@waybill/testkit/event-hubs';
import fc from 'fast-check';
import type { EventRecord, EventSink } from '../port.js';
import { createEventHubsConnector } from './index.js';
import { environment } from '../testing/proofs.js';
import { accountOf } from './test-account.js';

const MOST_BYTES = 4_096;
const NEVER = new AbortController().signal;

let server: EventHubsServer;
let sink: EventSink;
/** Of each batch that the server took, as its link counted them. */
const arrived: { readonly events: number; readonly bytes: number }[] = [];

beforeAll(async () => {
  server = await startEventHubsServer({
    mostMessageBytes: MOST_BYTES,
    onBatch: (_hub, _partition, events, bytes) => arrived.push({ events, bytes }),
  });
  sink = await createEventHubsConnector().openEventSink!(
    accountOf(server.connectionString()),
    { eventHub: 'waybill' },
    environment(),
  );
});
afterAll(async () => {
  await sink.close();
  await server.stop();
});

const record = fc.record<EventRecord>({
  key: fc.string({ minLength: 1, maxLength: 32, unit: 'binary' }),
  data: fc.oneof(fc.uint8Array({ maxLength: 400 }), fc.uint8Array({ minLength: 3_500, maxLength: 4_200, size: 'max' })),
  properties: fc.dictionary(fc.stringMatching(/^[a-z-]{1,10}$/), fc.string({ maxLength: 20 }), { maxKeys: 3 }),
});

/** As a sender packs: what is full goes into the next batch. */
const sendAll = async (records: readonly EventRecord[]): Promise<number> => {
  let tooLarge = 0;
  let batch = await sink.openBatch('waybill-0');
  for (const each of records) {
    let added = batch.add(each);
    if (added === 'full') {
      expect(await batch.send(NEVER)).toEqual(Array.from({ length: batch.records }, () => ({ sent: true })));
      expect(arrived.at(-1)).toEqual({ events: batch.records, bytes: batch.bytes });
      batch = await sink.openBatch('waybill-0');
      added = batch.add(each);
      expect(added).not.toBe('full');
    }
    if (added === 'too-large') tooLarge += 1;
  }
  await batch.send(NEVER);
  return tooLarge;
};

it('any records arrive in batches that are counted to the byte, in order; only what fits into none is turned away', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(record, { minLength: 1, maxLength: 30, size: 'max' }), async (records) => {
      const before = server.count('waybill');
      const batches = arrived.length;
      const tooLarge = await sendAll(records);
      const kept = server.received('waybill').slice(before);
      expect(kept.length).toBe(records.length - tooLarge);
      for (const { bytes } of arrived.slice(batches)) expect(bytes).toBeLessThanOrEqual(MOST_BYTES);
      let at = 0;
      for (const { key, data, properties } of records) {
        const next = kept[at];
        if (next === undefined || !next.body.equals(data) || next.properties['record-key'] !== key) continue;
        expect(next.properties).toEqual({ ...properties, 'record-key': key });
        at += 1;
      }
      expect(at).toBe(kept.length);
    }),
    { numRuns: 30 },
  );
});

it('a record that fills the link to the byte is sent, and one byte more is too large', async () => {
  const probe = await sink.openBatch('waybill-0');
  expect(probe.add({ key: 'ann', data: Buffer.alloc(2_000) })).toBe('added');
  const largest = MOST_BYTES - (probe.bytes - 2_000);
  const batch = await sink.openBatch('waybill-0');
  expect(batch.add({ key: 'ann', data: Buffer.alloc(largest + 1) })).toBe('too-large');
  expect(batch.add({ key: 'ann', data: Buffer.alloc(largest) })).toBe('added');
  expect(batch.bytes).toBe(MOST_BYTES);
  expect(await batch.send(NEVER)).toEqual([{ sent: true }]);
  expect(arrived.at(-1)).toEqual({ events: 1, bytes: MOST_BYTES });
});

it('a record that fits alone is full beside another, and one that never fits is too large', async () => {
  const batch = await sink.openBatch('waybill-0');
  batch.add({ key: 'ann', data: Buffer.alloc(1_000) });
  expect(batch.add({ key: 'ann', data: Buffer.alloc(3_500) })).toBe('full');
  expect(batch.add({ key: 'ann', data: Buffer.alloc(MOST_BYTES + 1) })).toBe('too-large');
  expect(batch.add({ key: 'ann', data: Buffer.alloc(1_000) })).toBe('added');
  expect(batch.records).toBe(2);
});
