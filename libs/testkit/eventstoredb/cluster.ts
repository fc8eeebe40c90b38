import { randomUUID } from 'node:crypto';
import grpc, { type handleUnaryCall, type ServerInterceptor } from '@grpc/grpc-js';
import gossip, { type ClusterInfo, type MemberInfo } from '@eventstore/db-client/generated/gossip_pb.js';
import type { Empty } from '@eventstore/db-client/generated/shared_pb.js';
import { notLeader } from './status.js';
import { uuidOf } from './wire.js';

export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** Nodes that serve one log, and which of them leads. */
export interface Cluster {
  readonly nodes: Endpoint[];
  leader: Endpoint | undefined;
}

export const newCluster = (): Cluster => ({ nodes: [], leader: undefined });

const FOLLOWER = 6;
const LEADER = 8;

/** `Gossip/Read`: who is there, and who leads. */
export const gossipHandler =
  (cluster: Cluster): handleUnaryCall<Empty, ClusterInfo> =>
  (_, callback) =>
    callback(
      null,
      new gossip.ClusterInfo().setMembersList(cluster.nodes.map((node) => memberOf(node, node === cluster.leader))),
    );

const memberOf = ({ host, port }: Endpoint, leads: boolean): MemberInfo =>
  new gossip.MemberInfo()
    .setInstanceId(uuidOf(randomUUID()))
    .setTimeStamp(String(Date.now() * 10_000))
    .setState(leads ? LEADER : FOLLOWER)
    .setIsAlive(true)
    .setHttpEndPoint(new gossip.EndPoint().setAddress(host).setPort(port));

/** A call that asks for the leader is sent on to it. */
export const leaderInterceptor =
  (cluster: Cluster, self: () => Endpoint): ServerInterceptor =>
  (_, call) =>
    new grpc.ServerInterceptingCall(call, {
      start: (next) =>
        next({
          onReceiveMetadata: (metadata, pass) => {
            const { leader } = cluster;
            const elsewhere = leader !== undefined && leader !== self() && metadata.get('requires-leader').length > 0;
            if (elsewhere) call.sendStatus(notLeader(leader));
            else pass(metadata);
          },
        }),
    });
