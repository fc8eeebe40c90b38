import { startEventHubsServer } from '@waybill/testkit/event-hubs';

/** An Event Hubs of the test kit, alone in its process, so that what it costs is not counted as ours or the baseline's. */
let events = 0;
const server = await startEventHubsServer({
  hubs: { bench: 32 },
  onBatch: (_hub, _partition, count) => (events += count),
});
process.send?.(server.connectionString());
process.on('message', () => process.send?.(events));
