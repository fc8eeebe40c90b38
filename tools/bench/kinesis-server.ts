import { once } from 'node:events';
import { type ChildProcess, fork } from 'node:child_process';

/** How the partner is to be. */
export interface PartnerSettings {
  readonly shards: number;
  /** The share of records that each request loses to throttling, 0 to 1. */
  readonly throttled: number;
}

/** Where a partner stands, and as whom to come. */
export interface PartnerAddress {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly stream: string;
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
  stop(): Promise<void>;
}

/** Its source, where this is the source. */
const ENTRY = new URL(`./kinesis-process.${import.meta.url.endsWith('.ts') ? 'ts' : 'js'}`, import.meta.url);

const answerTo = async <T>(child: ChildProcess, question: object): Promise<T> => {
  const answer = once(child, 'message');
  child.send(question);
  return (await answer)[0] as T;
};

/** A Kinesis server in a process of its own, so that it has a processor of its own. */
export const startBenchPartner = async (settings: PartnerSettings): Promise<BenchPartner> => {
  const child = fork(ENTRY);
  const address = await answerTo<PartnerAddress>(child, { start: settings });
  return {
    ...address,
    received: () => answerTo<Received>(child, { report: true }),
    stop: async () => {
      const exited = once(child, 'exit');
      child.kill();
      await exited;
    },
  };
};
