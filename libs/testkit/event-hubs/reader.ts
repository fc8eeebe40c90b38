import rhea, { type Sender } from 'rhea';
import type { Hub } from './hub.js';

/** Hands a partition to a consumer, from its first event on, whatever position it asked for. */
export const readPartition = (hub: Hub, partition: number, link: Sender): void => {
  let next = 0;
  const pump = (): void => {
    if (!link.is_open()) return;
    for (const event of hub.events().filter((each) => each.partition === partition && each.sequence >= next)) {
      if (!link.sendable()) return;
      next = event.sequence + 1;
      link.send({
        body: rhea.message.data_section(event.body) as unknown,
        application_properties: { ...event.properties },
        message_annotations: {
          'x-opt-sequence-number': rhea.types.wrap_long(event.sequence),
          'x-opt-offset': String(event.sequence),
          'x-opt-enqueued-time': rhea.types.wrap_timestamp(Date.now()) as unknown,
          ...(event.partitionKey === undefined ? {} : { 'x-opt-partition-key': event.partitionKey }),
        },
      });
    }
  };
  const stop = hub.onKept(pump);
  link.on('sendable', pump);
  link.once('sender_close', stop);
  pump();
};
