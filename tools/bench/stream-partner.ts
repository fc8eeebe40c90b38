import { once } from 'node:events';
import { type ChildProcess, fork } from 'node:child_process';

export type PartnerType = 'amazon-kinesis' | 'azure-event-hubs';

export const PARTNER_NAMES: Readonly<Record<PartnerType, string>> = {
  'amazon-kinesis': 'Kinesis',
  'azure-event-hubs': 'Event Hubs',
};

/** Where a partner stands, and as whom to come: as an account and a destination name it. */
export interface PartnerAddress {
  readonly type: PartnerType;
  readonly method: string;
  readonly authentication: Readonly<Record<string, string>>;
  readonly target: Readonly<Record<string, string>>;
}

/** One event as the partner received it first, by its envelope (`waybill.profileId`, `.sequence`). */
export interface Arrival {
  readonly profileId: string;
  readonly sequence: number;
  /** Unix milliseconds, with their fractions. */
  readonly at: number;
}

/** What a partner received since it was last asked. */
export interface Received {
  /** With those that came twice. */
  readonly records: number;
  /** Each event once, those of a profile in the order of their arrival. */
  readonly arrivals: readonly Arrival[];
}

export interface BenchPartner extends PartnerAddress {
  /** How many records it holds, of which it was not asked yet. */
  count(): Promise<number>;
  /** What it received since it was last asked, which it forgets by that. */
  received(): Promise<Received>;
  /** From now on so many of the records fail, 0 to 1: of each request in Kinesis, whole requests in Event Hubs. */
  fail(part: number): Promise<void>;
  /** Away, it answers nothing that can be used, and keeps nothing. */
  away(away: boolean): Promise<void>;
  stop(): Promise<void>;
}

export type PartnerQuestion =
  | { readonly start: PartnerType }
  | { readonly fail: number }
  | { readonly away: boolean }
  | { readonly report: true }
  | { readonly count: true };

const answerTo = async <T>(child: ChildProcess, question: PartnerQuestion): Promise<T> => {
  const answered = new AbortController();
  const { signal } = answered;
  const gone = once(child, 'exit', { signal }).then(() => {
    throw new Error('The process of the partner is gone.');
  });
  try {
    const answer = once(child, 'message', { signal });
    child.send(question);
    return (await Promise.race([answer, gone]))[0] as T;
  } finally {
    answered.abort();
  }
};

/** A stream or a hub in a process of its own, so that it has a processor of its own. */
export const startBenchPartner = async (type: PartnerType): Promise<BenchPartner> => {
  const child = fork(new URL('./stream-partner-process.js', import.meta.url));
  const address = await answerTo<PartnerAddress>(child, { start: type });
  return {
    ...address,
    count: () => answerTo<number>(child, { count: true }),
    received: () => answerTo<Received>(child, { report: true }),
    fail: async (part) => void (await answerTo(child, { fail: part })),
    away: async (away) => void (await answerTo(child, { away })),
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill();
      await exited;
    },
  };
};
