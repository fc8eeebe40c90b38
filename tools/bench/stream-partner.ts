import { once } from 'node:events';
import { type ChildProcess, fork } from 'node:child_process';

/** How the partner is to be. */
export interface PartnerSettings {
  readonly type: 'amazon-kinesis' | 'azure-event-hubs';
  /** Shards, or partitions. */
  readonly shards: number;
}

/** Where a partner stands, and as whom to come: as an account and a destination name it. */
export interface PartnerAddress {
  readonly type: PartnerSettings['type'];
  readonly method: string;
  readonly authentication: Readonly<Record<string, string>>;
  readonly target: Readonly<Record<string, string>>;
}

/** What a partner received, judged by the envelope of the events (`waybill.eventId`, `.profileId`, `.sequence`). */
export interface Received {
  readonly records: number;
  /** Different events; the others came twice. */
  readonly events: number;
  /** Events that came, the first time, after a later one of the same profile. */
  readonly disordered: number;
}

export interface BenchPartner extends PartnerAddress {
  /** What it received since it was last asked. */
  received(): Promise<Received>;
  /** From now on so many of the records fail, 0 to 1: of each request in Kinesis, whole requests in Event Hubs. */
  fail(part: number): Promise<void>;
  stop(): Promise<void>;
}

export type PartnerQuestion =
  { readonly start: PartnerSettings } | { readonly fail: number } | { readonly report: true };

/** Its source, where this is the source. */
const ENTRY = new URL(`./stream-partner-process.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

const answerTo = async <T>(child: ChildProcess, question: PartnerQuestion): Promise<T> => {
  const answer = once(child, 'message');
  child.send(question);
  return (await answer)[0] as T;
};

/** A stream or a hub in a process of its own, so that it has a processor of its own. */
export const startBenchPartner = async (settings: PartnerSettings): Promise<BenchPartner> => {
  const child = fork(ENTRY);
  const address = await answerTo<PartnerAddress>(child, { start: settings });
  return {
    ...address,
    received: () => answerTo<Received>(child, { report: true }),
    fail: async (part) => void (await answerTo(child, { fail: part })),
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill();
      await exited;
    },
  };
};
