import { Histogram } from 'prom-client';
import { errorTypeOf, traced } from './tracing.js';

const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

const histogramOf = (what: string, help: string, label: string) =>
  new Histogram({
    name: `waybill_${what}_duration_seconds`,
    help,
    labelNames: ['service', label, 'outcome'],
    buckets: BUCKETS,
  });

/** `outcome` is `ok` or the problem's name: rate, errors and duration in one. */
const KINDS = {
  command: {
    label: 'command',
    span: 'internal',
    histogram: histogramOf('command', 'Time to decide a command and to append its events.', 'command'),
  },
  question: {
    label: 'question',
    span: 'client',
    histogram: histogramOf('question', "Time until another service's answer, as the asker saw it.", 'question'),
  },
  message: {
    label: 'type',
    span: 'consumer',
    histogram: histogramOf('message', 'Time to handle a message.', 'type'),
  },
} as const;

export interface Observed {
  readonly service: string;
  readonly kind: keyof typeof KINDS;
  readonly what: string;
  /** `traceparent` of what it follows from. */
  readonly parent: string | undefined;
  /** How many of them are worked on together, when they end well; default 1. */
  readonly count?: number;
}

/** Measures a piece of a service's work and puts it into the trace that it belongs to. */
export const observed = async <T>(
  { service, kind, what, parent, count = 1 }: Observed,
  work: () => Promise<T>,
): Promise<T> => {
  const { label, span, histogram } = KINDS[kind];
  const stop = histogram.startTimer({ service, [label]: what });
  const attributes = { 'waybill.service': service, [`waybill.${label}`]: what };
  try {
    const result = await traced(`${kind} ${what}`, { kind: span, parent, attributes }, work);
    const seconds = stop({ outcome: 'ok' });
    for (let more = 1; more < count; more++) histogram.observe({ service, [label]: what, outcome: 'ok' }, seconds);
    return result;
  } catch (error) {
    stop({ outcome: errorTypeOf(error) });
    throw error;
  }
};
