import type { Relay } from '@waybill/messaging';
import type { Projections } from '@waybill/projections';
import { gauge } from './metrics.js';
import type { Health } from './health.js';

interface Watched {
  readonly projections: Projections;
  readonly relay: () => Relay | undefined;
}

const services = new Map<string, Watched>();

gauge(
  'waybill_projection_lag_seconds',
  'Age of the oldest event that a read model has not seen.',
  ['service', 'projection'],
  async (metric) => {
    for (const [service, { projections }] of services) {
      for (const { name, lagSeconds } of await projections.status())
        metric.set({ service, projection: name }, lagSeconds);
    }
  },
);

gauge(
  'waybill_relay_lag_seconds',
  'Age of the oldest event of the log that is not published.',
  ['service'],
  (metric) => {
    for (const [service, { relay }] of services) metric.set({ service }, relay()?.status().lagSeconds ?? 0);
  },
);

gauge(
  'waybill_relay_position',
  'How far the log is published, where positions of the store are numbers: it has to move while events are recorded.',
  ['service'],
  (metric) => {
    for (const [service, { relay }] of services) {
      const position = Number(relay()?.status().position);
      if (Number.isFinite(position)) metric.set({ service }, position);
    }
  },
);

gauge(
  'waybill_relay_failures',
  'Tries in a row to publish that failed; 0 while all is well.',
  ['service'],
  (metric) => {
    for (const [service, { relay }] of services) metric.set({ service }, relay()?.status().failures ?? 0);
  },
);

/** What a service's log is doing shows in metrics, and in readiness when it stands still. */
export const watchService = (health: Health, name: string, watched: Watched): void => {
  services.set(name, watched);
  health.add(`${name} relay`, () => {
    const status = watched.relay()?.status();
    if (!status) throw new Error('not started');
    if (status.state === 'blocked') throw new Error(status.lastError);
  });
  health.add(`${name} read models`, async () => {
    const broken = (await watched.projections.status()).find(({ error }) => error !== undefined);
    if (broken) throw new Error(`${broken.name}: ${broken.error}`);
  });
};
