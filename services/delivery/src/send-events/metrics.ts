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
  readonly lagChanges: number;
}

let readings: () => Promise<readonly StreamReading[]> = async () => [];

/** Who is asked when metrics are read. */
export const watchStreams = (ask: typeof readings): void => {
  readings = ask;
};

const worst = (name: string, help: string, of: 'lagSeconds' | 'lagChanges') =>
  gauge(name, help, ['type'], async (metric) => {
    const byType = new Map<string, number>();
    for (const reading of await readings()) {
      byType.set(reading.type, Math.max(reading[of], byType.get(reading.type) ?? 0));
    }
    for (const [type, value] of byType) metric.set({ type }, value);
  });

worst(
  'waybill_stream_lag_seconds',
  'For how long live changes have been waiting to be delivered, of the destination that is furthest behind.',
  'lagSeconds',
);
worst(
  'waybill_stream_lag_changes',
  'Changes of the audience after the last one delivered, of the destination that is furthest behind.',
  'lagChanges',
);

gauge(
  'waybill_stream_senders',
  'Destinations that events are sent to, by how it goes.',
  ['type', 'state'],
  async (metric) => {
    for (const { type, state } of await readings()) metric.inc({ type, state });
  },
);
