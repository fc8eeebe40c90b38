import {
  type ChannelCredentialOptions,
  type Credentials,
  EventStoreDBClient,
  type SingleNodeOptions,
} from '@eventstore/db-client';
import rpc, { type StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { CallOptions, Metadata } from '@grpc/grpc-js';
import { within } from '@waybill/kernel';
import type { Address } from './address.js';
import { AnswerMissing, NotSent } from './meaning.js';

/** One call through the generated code; `metadata` and `options` go with it. At the signal nobody waits for it any more. */
export type Call<Answer> = (
  client: StreamsClient,
  metadata: Metadata,
  options: CallOptions,
  over: AbortSignal,
) => Promise<Answer>;

export interface Limits {
  /** `Infinity` is for a call that ends at the signal. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
}

export interface Connection {
  /** Always answers or fails within the deadline, and sends nothing after it. */
  call<Answer>(limits: Limits, action: Call<Answer>): Promise<Answer>;
  close(): void;
}

/** For gRPC's own clock to run out first: it says more of what was lacking. */
const GRACE_MS = 200;

const NO_NODE = 'No node was found before the deadline.';

/**
 * The client of the package as the keeper of the channel: it finds the leader, follows it when it changes, and connects
 * anew after a loss. The calls are our own, on its generated code, since its `appendToStream` goes through one shared
 * `BatchAppend` that may never answer, and its reads have no deadline (docs/adr/0015).
 */
class LeaderClient extends EventStoreDBClient implements Connection {
  private channel: ReturnType<StreamsClient['getChannel']> | undefined;

  constructor(
    nodes: Address['nodes'],
    settings: Address['settings'],
    channel: ChannelCredentialOptions,
    user?: Credentials,
  ) {
    super({ ...settings, ...nodes } as SingleNodeOptions, channel, user); // one constructor, whatever its overloads say
    // Nobody waits for it: when no node is found meanwhile, its rejection would end the process. The next call is told, too.
    const renew = this.handleError;
    this.handleError = (client, error) => renew(client, error).catch(() => undefined);
  }

  call<Answer>({ deadlineMs, signal }: Limits, action: Call<Answer>): Promise<Answer> {
    const end = performance.now() + deadlineMs;
    const late = new AbortController();
    const over = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
    let isSent = false;
    const work = this.execute(rpc.StreamsClient, 'waybill', (client) => {
      this.channel = client.getChannel();
      // It may have taken its time to find the leader.
      const left = end - performance.now();
      if (over.aborted || left <= 0) throw new NotSent(NO_NODE);
      isSent = true;
      const [metadata, options] = this.callArguments({ requiresLeader: true, deadline: left });
      return action(client, metadata, left === Infinity ? { ...options, deadline: Infinity } : options, over);
    });
    if (deadlineMs === Infinity) return work;
    return within(deadlineMs + GRACE_MS, work, () => {
      late.abort();
      return isSent ? new AnswerMissing('No answer before the deadline.') : new NotSent(NO_NODE);
    });
  }

  close(): void {
    this.channel?.close();
  }
}

export const openConnection = ({ nodes, credentials, tls, rootCertificate, settings }: Address): Connection => {
  const channel = { insecure: !tls, ...(rootCertificate && { rootCertificate }) };
  return new LeaderClient(nodes, settings, channel, credentials);
};
