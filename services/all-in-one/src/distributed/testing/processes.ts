import { eventually } from '../../journeys/testing/eventually.js';
import type { Waybill } from '../../journeys/testing/waybill.js';

interface Readiness {
  readonly status: string;
  readonly dependencies: Readonly<Record<string, { readonly status: string; readonly reason?: string }>>;
}

/** The numbers of a service's processes, as they said when they became ready; those of ended ones too. */
export const pidsOf = ({ output }: Waybill, service: string): readonly number[] =>
  [...output.matchAll(new RegExp(`^${service}: listens on \\S+ \\(process (\\d+)\\)`, 'gm'))].map(([, pid]) =>
    Number(pid),
  );

/** Ends the process of a service that runs now as a crash would; it is started again by what started it. */
export const killService = (waybill: Waybill, service: string): void =>
  void process.kill(pidsOf(waybill, service).at(-1)!, 'SIGKILL');

/** Every service answers, and can do its work. */
export const untilReady = (waybill: Waybill, withinMs = 60_000): Promise<unknown> =>
  eventually(
    async () => (await waybill.api().get<Readiness>('/health/ready')).body,
    ({ status }) => status === 'up',
    withinMs,
  );
