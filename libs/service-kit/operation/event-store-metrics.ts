import { Logger } from '@nestjs/common';
import type { EventStoreDbOptions } from '@waybill/event-store/eventstoredb';
import { messageOf } from '@waybill/kernel';
import { Counter } from 'prom-client';

const troubles = new Counter({
  name: 'waybill_event_store_troubled_total',
  help: 'Calls of EventStoreDB that were tried again, and subscriptions for new events that were renewed.',
  labelNames: ['service', 'kind', 'doing'],
});

const log = new Logger('event store');

/** What the log of a service tells of troubles that it mends by itself, as a metric and a line of log. */
export const observeEventStore =
  (service: string): NonNullable<EventStoreDbOptions['observe']> =>
  (incident) => {
    const doing = incident.kind === 'retry' ? incident.doing : 'hearing of new events';
    troubles.inc({ service, kind: incident.kind, doing });
    log.warn({ service }, `${doing} failed and is tried again: ${messageOf(incident.error)}`);
  };
