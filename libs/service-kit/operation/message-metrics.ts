import { Logger } from '@nestjs/common';
import { messageOf } from '@waybill/kernel';
import type { MessageBus, Observe } from '@waybill/messaging';
import { Counter } from 'prom-client';
import { gauge } from './metrics.js';

const outcomes = new Counter({
  name: 'waybill_messages_troubled_total',
  help: 'Deliveries of messages that failed: tried again, dropped, or given up to the dead letters.',
  labelNames: ['kind', 'topic', 'group', 'slug'],
});

const log = new Logger('messaging');

/** What the bus tells of its troubles, as a metric and a line of log. */
export const observeMessages: Observe = (observation) => {
  if (observation.kind === 'failed') {
    log.warn(`${observation.doing} failed and is tried again: ${messageOf(observation.error)}`);
    return;
  }
  const { kind, topic, group, slug, partition, offset, reason, attempts } = observation;
  outcomes.inc({ kind, topic, group, slug });
  const line = { topic, group, slug, partition, offset, attempts, reason };
  if (kind === 'dead-lettered') log.error(line, 'a message was given up');
  else log.warn(line, kind === 'retrying' ? 'a message is tried again' : 'a message was dropped');
};

let watched: MessageBus | undefined;

gauge(
  'waybill_consumer_lag_messages',
  'Messages of a topic that a group has still to handle.',
  ['group', 'topic'],
  async (metric) => {
    for (const { group, topic, messages } of (await watched?.lag()) ?? []) metric.set({ group, topic }, messages);
  },
);

export const watchLag = (bus: MessageBus): void => {
  watched = bus;
};
