import { type Service, SERVICES } from '@waybill/contracts';
import type { Upstreams } from './upstreams.js';

/** What one process answered to `GET /metrics`. */
export interface Exposition {
  readonly service: Service;
  /** Given where a service has several processes. */
  readonly instance?: string;
  /** In Prometheus' text format 0.0.4. */
  readonly text: string;
}

const ANSWER_MS = 10_000;

/** The metrics of every process that answers, each with its service; `waybill_up` says which do. */
export const mergedMetrics = async (upstreams: Upstreams): Promise<string> => {
  const answers = await Promise.all(
    SERVICES.flatMap((service) => {
      const addresses = upstreams.addressesOf(service);
      if (addresses.length <= 1) return [exposedBy(addresses[0], { service })];
      return addresses.map((address) => exposedBy(address, { service, instance: new URL(address).host }));
    }),
  );
  return mergeExpositions(answers);
};

const exposedBy = async (address: string | undefined, process: Omit<Exposition, 'text'>): Promise<Exposition> => {
  const text = address === undefined ? undefined : await metricsOf(address).catch(() => undefined);
  return { ...process, text: `${UP}${text === undefined ? 0 : 1}\n${text ?? ''}` };
};

const UP = '# HELP waybill_up Whether the process answers.\n# TYPE waybill_up gauge\nwaybill_up ';

const metricsOf = async (address: string): Promise<string> => {
  const answer = await fetch(`${address}/metrics`, { signal: AbortSignal.timeout(ANSWER_MS) });
  if (!answer.ok) throw new Error(`status ${answer.status}`); // a problem is no exposition
  return answer.text();
};

/** One exposition of many: each metric once, with the samples of all, which say by labels whose they are. */
export const mergeExpositions = (expositions: readonly Exposition[]): string => {
  const metrics = new Map<string, { readonly head: string[]; readonly samples: string[] }>();
  for (const { service, instance, text } of expositions) {
    const labels = { service, ...(instance === undefined ? {} : { instance }) };
    let metric = { head: [] as string[], samples: [] as string[] };
    for (const line of text.split('\n')) {
      const [, kind, name = ''] = /^# (HELP|TYPE) (\S+)/.exec(line) ?? [];
      if (kind !== undefined) {
        metric = metrics.get(name) ?? { head: [], samples: [] };
        metrics.set(name, metric);
        if (!metric.head.some((known) => known.startsWith(`# ${kind} `))) metric.head.push(line);
      } else if (line !== '') {
        metric.samples.push(withLabels(line, labels));
      }
    }
  }
  return [...metrics.values()].map(({ head, samples }) => [...head, ...samples, ''].join('\n')).join('');
};

/** A label that the sample has already stays as it is. */
const withLabels = (sample: string, labels: Readonly<Record<string, string>>): string => {
  const [, name = '', own = '', value = ''] = /^([^{\s]+)(?:\{(.*)\})?(\s.*)$/.exec(sample) ?? [];
  const added = Object.entries(labels)
    .filter(([label]) => !`,${own}`.includes(`,${label}="`))
    .map(([label, text]) => `${label}="${text}"`);
  return `${name}{${[...added, ...(own === '' ? [] : [own])].join(',')}}${value}`;
};
