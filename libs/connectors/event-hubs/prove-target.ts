import { Checklist } from '../checklist.js';
import type { Connector, EventRecord } from '../port.js';
import { accessOf, hubOf, uriOf } from './access.js';
import { eventDataOf } from './batch.js';
import { bucketOf } from './buckets.js';
import { EventHubsFailure, problemOf } from './failure.js';
import type { Link } from './link.js';
import type { Settings } from './options.js';
import { HubProof } from './proof.js';

const ASK_FOR_ONE = 'Where the right to send is not proof enough, have the destination validated with a test record.';

const sendTo = async (link: Link, record: EventRecord, signal: AbortSignal): Promise<void> => {
  const batch = await link.createBatch(signal, bucketOf(record.key));
  batch.tryAdd(eventDataOf(record));
  await link.send(batch, signal);
};

/**
 * Opens the link that delivery sends over, which takes the right to send and nothing else, and puts nothing into the hub but
 * a test record that was asked for. Reading its description takes more than that right, and delivery does without.
 */
export const proveTarget =
  (settings: Settings): Connector['proveTarget'] =>
  async (credentials, target, environment, testRecord) => {
    const access = accessOf(credentials);
    const hub = hubOf(access, target);
    if (typeof hub !== 'string') {
      environment.signal.throwIfAborted();
      const checks = new Checklist(problemOf);
      checks.failed({ name: 'hub', call: 'attach', resource: uriOf(access) }, hub);
      return checks.proof({});
    }
    const resource = uriOf(access, hub);
    const { signal } = environment;
    const proof = new HubProof(access, settings, environment);
    return proof.over(hub, async (link) => {
      // One call shows both that the hub is there and that it may be sent to.
      const opened = await proof.attempt(
        { name: 'hub', call: 'attach', resource },
        () =>
          link!.createBatch(signal).catch((error: unknown) => {
            if (error instanceof EventHubsFailure && error.code === 'permission-denied') return error;
            throw error;
          }),
        'The namespace knows the policy and the hub.',
      );
      const batch = await proof.attempt(
        { name: 'send', call: 'attach', resource },
        () => (opened instanceof EventHubsFailure ? Promise.reject(opened) : Promise.resolve(opened!)),
        ({ maxSizeInBytes }) => `The policy may send to the hub, up to ${maxSizeInBytes} bytes at once.`,
      );
      const write = { name: 'write', call: 'transfer', resource };
      if (testRecord) {
        await proof.attempt(
          write,
          () => sendTo(link!, testRecord, signal),
          `The hub took a test record of ${testRecord.data.length} bytes, which stays in it; senders are not told in which partition.`,
        );
      } else {
        proof.skip(write, 'No record was sent, since it would stay in the hub.', ASK_FOR_ONE);
      }
      const partitions = await proof.attempt(
        {
          name: 'partitions',
          call: 'READ com.microsoft:eventhub',
          resource: `${resource}/$management`,
          optional: true,
        },
        () => link!.partitions(signal),
        (count) => `The hub has ${count} partitions.`,
      );
      return { mostBatchBytes: batch?.maxSizeInBytes ?? null, partitions: partitions ?? null };
    });
  };
