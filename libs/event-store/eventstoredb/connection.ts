import {
  type ChannelCredentialOptions,
  type Credentials,
  EventStoreDBClient,
  type SingleNodeOptions,
} from '@eventstore/db-client';
import rpc, { type StreamsClient } from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { CallOptions, Metadata } from '@grpc/grpc-js';
import type { Address } from './address.js';
import { AnswerMissing } from './meaning.js';

/** One call through the generated code; `metadata` and `options` go with it. */
export type Call<Answer> = (client: StreamsClient, metadata: Metadata, options: CallOptions) => Promise<Answer>;

export interface Connection {
  /** Always answers or fails within the deadline. `Infinity` is for a call that ends when somebody cancels it. */
  call<Answer>(deadlineMs: number, action: Call<Answer>): Promise<Answer>;
  close(): void;
}

/** Beyond the deadline given to gRPC, for what the client does before there is a call: it may look for the leader. */
const GRACE_MS = 200;

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

  call<Answer>(deadlineMs: number, action: Call<Answer>): Promise<Answer> {
    const work = this.execute(rpc.StreamsClient, 'waybill', (client) => {
      this.channel = client.getChannel();
      const [metadata, options] = this.callArguments({ requiresLeader: true, deadline: deadlineMs });
      return action(client, metadata, deadlineMs === Infinity ? { ...options, deadline: Infinity } : options);
    });
    return deadlineMs === Infinity ? work : within(deadlineMs + GRACE_MS, work);
  }

  close(): void {
    this.channel?.close();
  }
}

export const openConnection = ({ nodes, credentials, tls, rootCertificate, settings }: Address): Connection => {
  const channel = { insecure: !tls, ...(rootCertificate && { rootCertificate }) };
  return new LeaderClient(nodes, settings, channel, credentials);
};

const within = <Answer>(deadlineMs: number, work: Promise<Answer>): Promise<Answer> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new AnswerMissing('No answer before the deadline.')), deadlineMs);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
};
