import { persistentSubscriptionToStreamSettingsFromDefaults as settings, START } from '@eventstore/db-client';
import { attempt, events, type Questions, watch } from './session.js';

/** Groups of consumers: persistent subscriptions. */
export const sharing: Questions = {
  'persistent: create, receive, ack': async ({ client, stream }) => {
    const name = stream();
    await client.appendToStream(name, events(3));
    await client.createPersistentSubscriptionToStream(name, 'group', settings({ startFrom: START }));
    const subscription = client.subscribeToPersistentSubscriptionToStream(name, 'group');
    const received: { at: string; retries: number }[] = [];
    for await (const item of subscription) {
      received.push({ at: `${item.event?.revision}:${item.event?.type}`, retries: item.retryCount });
      await subscription.ack(item);
      if (received.length === 3) break;
    }
    subscription.on('error', () => undefined); // that it is cancelled
    await subscription.unsubscribe();
    return received;
  },
  'persistent: create twice': async ({ client, stream }) => {
    const name = stream();
    const create = () => client.createPersistentSubscriptionToStream(name, 'g', settings());
    await create();
    return attempt(create);
  },
  'persistent: subscribe to a missing group': async ({ client, stream }) => {
    const watched = watch(client.subscribeToPersistentSubscriptionToStream(stream(), 'nope'));
    await watched.until((words) => words.length > 0);
    return watched.errors.map((error) => ({ error }));
  },
  'persistent: delete a missing group': ({ client, stream }) =>
    attempt(() => client.deletePersistentSubscriptionToStream(stream(), 'nope')),
};
