import { setTimeout as sleep } from 'node:timers/promises';
import type { Answer, Api } from '../../journeys/testing/api.js';

/** What a client was told, and how long it waited for it. */
export interface Told {
  readonly what: string;
  readonly status: number;
  readonly seconds: number;
  /** `/problems/database-unavailable`; empty when there was none. */
  readonly problem: string;
  /** `Retry-After`. */
  readonly again: string | null;
}

const EVERY_MS = 500;

/** Reads and writes of every service, each asked again and again until the signal; a write says the same each time. */
export const askAround = async (
  api: Api,
  { destinationId, runId }: { readonly destinationId: string; readonly runId: string },
  signal: AbortSignal,
): Promise<readonly Told[]> => {
  const asked: Readonly<Record<string, () => Promise<Answer<unknown>>>> = {
    catalog: () => api.get('/v1/catalog'),
    'marketing actions': () => api.get('/v1/marketing-actions'),
    accounts: () => api.get('/v1/accounts'),
    destination: () => api.get(`/v1/destinations/${destinationId}`),
    'destination renamed': () => api.patch(`/v1/destinations/${destinationId}`, { description: 'renamed' }),
    // Asks the audience service whether there is such a segment.
    'segment activated': () => api.put(`/v1/destinations/${destinationId}/segments/members`, { schedule: null }),
    segments: () => api.get('/v1/segments'),
    'segment defined': () => api.put('/v1/segments/outage', { name: 'Outage' }),
    'members loaded': () =>
      api.send('POST', '/v1/segments/members/members?mode=merge&identity=id', 'id\nmember-10\n', {
        'content-type': 'text/csv',
      }),
    runs: () => api.get('/v1/runs'),
    run: () => api.get(`/v1/runs/${runId}`),
  };
  const told: Told[] = [];
  const askOn = async (what: string, ask: () => Promise<Answer<unknown>>): Promise<void> => {
    while (!signal.aborted) {
      const started = performance.now();
      const { status, problem, headers } = await ask();
      const seconds = (performance.now() - started) / 1_000;
      told.push({ what, status, seconds, problem: problem.type ?? '', again: headers.get('retry-after') });
      await sleep(EVERY_MS);
    }
  };
  await Promise.all(Object.entries(asked).map(([what, ask]) => askOn(what, ask)));
  return told;
};
