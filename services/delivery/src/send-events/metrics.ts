import { gauge } from '@waybill/service-kit';
import { Counter } from 'prom-client';
import type { SenderObserver } from './destination-sender.js';
import type { SenderState } from './sender-state.js';

const records = new Counter({
  name: 'waybill_stream_records_total',
  help: 'Records of streams by what became of them: sent, put off for a retry, given up to the dead letters.',
  labelNames: ['type', 'outcome'],
});

const throttled = new Counter({
  name: 'waybill_stream_throttled_seconds_total',
  help: 'Time that sending to streams was paused because the partner throttled.',
  labelNames: ['type'],
});

/** What happens at destinations of a type; troubles go to the log of whoever asks. */
export const observerOf = (type: string, troubled: SenderObserver['troubled']): SenderObserver => ({
  sent: (count) => records.inc({ type, outcome: 'sent' }, count),
  retried: (count) => records.inc({ type, outcome: 'retried' }, count),
  throttled: (ms) => throttled.inc({ type }, ms / 1_000),
  givenUp: () => records.inc({ type, outcome: 'dead-lettered' }),
  troubled,
});

/** How one destination stands in this process. */
export interface StreamReading {
  readonly type: string;
  readonly state: SenderState['state'];
  readonly lagSeconds: number;
}

let readings: () => readonly StreamReading[] = () => [];

/** Who is asked when metrics are read. */
export const watchStreams = (ask: typeof readings): void => {
  readings = ask;
};

gauge(
  'waybill_stream_lag_seconds',
  'For how long live changes have been waiting to be delivered, of the destination that is furthest behind.',
  ['type'],
  (metric) => {
    const most = new Map<string, number>();
    for (const { type, lagSeconds } of readings()) most.set(type, Math.max(lagSeconds, most.get(type) ?? 0));
    for (const [type, seconds] of most) metric.set({ type }, seconds);
  },
);

gauge(
  'waybill_stream_senders',
  'Destinations that events are sent to, by how it goes.',
  ['type', 'state'],
  (metric) => {
    for (const { type, state } of readings()) metric.inc({ type, state });
  },
);
