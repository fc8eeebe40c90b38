import { EventEmitter } from 'node:events';
import grpc, { type handleServerStreamingCall, type handleUnaryCall } from '@grpc/grpc-js';
import gossipService from '@eventstore/db-client/generated/gossip_grpc_pb.js';
import persistentService from '@eventstore/db-client/generated/persistent_grpc_pb.js';
import featuresService from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js';
import features, { type SupportedMethods } from '@eventstore/db-client/generated/serverfeatures_pb.js';
import type { Empty } from '@eventstore/db-client/generated/shared_pb.js';
import streamsService from '@eventstore/db-client/generated/streams_grpc_pb.js';
import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js';
import { accessInterceptor, type Users } from './access.js';
import { appendHandler } from './append.js';
import { batchAppendHandler } from './batch-append.js';
import { type Cluster, type Endpoint, gossipHandler, leaderInterceptor, newCluster } from './cluster.js';
import { deleteHandler, tombstoneHandler } from './delete.js';
import { faultInterceptor, type Faults } from './faults.js';
import { listen, type Listener } from './listener.js';
import { EventLog } from './log.js';
import { PersistentSubscriptions } from './persistent-subscriptions.js';
import { readPage } from './read.js';
import { signalOf } from './send.js';
import { consumerTooSlow, invalid, refusalOf } from './status.js';
import { subscribe } from './subscribe.js';

export { type Cluster, newCluster } from './cluster.js';
export * from './faults.js';
export { findEventStoreDb, type GenuineEventStoreDb } from './genuine.js';
export { EventLog } from './log.js';

export interface EventStoreDbOptions {
  /** 0 takes a free one. */
  readonly port?: number;
  /** Served by several servers, it is that of a cluster. A new one unless given. */
  readonly log?: EventLog;
  /** Shared by the servers of one cluster; the first that joins leads it. */
  readonly cluster?: Cluster;
  /** In PEM; without it the server speaks in clear. */
  readonly tls?: { readonly key: string; readonly certificate: string };
  /** Everybody may do everything unless given. Clients send passwords over TLS only. */
  readonly users?: Users;
  /** Data and metadata of one append. Default 1 MiB, as the genuine server's. */
  readonly maxAppendBytes?: number;
  readonly faults?: Faults;
}

export interface EventStoreDbServer {
  /** `esdb://127.0.0.1:2113?tls=false`. */
  readonly url: string;
  readonly endpoint: Endpoint;
  readonly log: EventLog;
  /** Changes take effect at once. */
  readonly faults: Faults;
  /** Ends all live subscriptions, as a server does whose client reads too slowly. Answers how many there were. */
  dropSubscriptions(): number;
  /** Cuts every connection, as a killed server does; `start` serves the same log at the same port again. */
  stop(): Promise<void>;
  start(): Promise<void>;
}

const HOST = '127.0.0.1';
const MAX_MESSAGE_BYTES = 17 * 1024 * 1024;

/**
 * A server on 127.0.0.1 that speaks the protocol of EventStoreDB 23.10, in memory: for tests and for trying things out,
 * with faults to inject. What it answers to an unencrypted client is held to the recorded answers of a genuine one
 * (transcript/); gossip, leaders and access follow the client, and were never compared.
 */
export const startEventStoreDb = async (options: EventStoreDbOptions = {}): Promise<EventStoreDbServer> => {
  const { log = new EventLog(), cluster = newCluster(), faults = {}, maxAppendBytes = 1024 * 1024 } = options;
  const live = new EventEmitter().setMaxListeners(0);
  const persistent = new PersistentSubscriptions(log);
  let endpoint: Endpoint = { host: HOST, port: options.port ?? 0 };
  let listener: Listener;

  const start = async (): Promise<void> => {
    const server = new grpc.Server({
      'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
      interceptors: [
        ...(options.users ? [accessInterceptor(options.users)] : []),
        leaderInterceptor(cluster, () => endpoint),
        faultInterceptor(faults),
      ],
    });
    server.addService(streamsService.StreamsService, {
      read: readHandler(log, live),
      append: appendHandler(log, maxAppendBytes),
      batchAppend: batchAppendHandler(log, maxAppendBytes),
      delete: deleteHandler(log),
      tombstone: tombstoneHandler(log),
    });
    server.addService(persistentService.PersistentSubscriptionsService, {
      create: persistent.create,
      delete: persistent.delete,
      read: persistent.read,
      ...Object.fromEntries(LACKING.map((method) => [method, lacking(method)])),
    });
    server.addService(featuresService.ServerFeaturesService, {
      getSupportedMethods,
    });
    server.addService(gossipService.GossipService, { read: gossipHandler(cluster) });
    listener = await listen(server, credentialsOf(options), HOST, endpoint.port);
    if (endpoint.port === 0) endpoint = { host: HOST, port: listener.port };
    if (!cluster.nodes.includes(endpoint)) cluster.nodes.push(endpoint);
    cluster.leader ??= endpoint;
  };

  await start();
  return {
    url: `esdb://${HOST}:${endpoint.port}${options.tls ? '' : '?tls=false'}`,
    endpoint,
    log,
    faults,
    dropSubscriptions: () => {
      const count = live.listenerCount('drop');
      live.emit('drop');
      return count;
    },
    stop: async () => {
      await listener.kill();
      log.forgetIds();
    },
    start,
  };
};

const credentialsOf = ({ tls }: EventStoreDbOptions): grpc.ServerCredentials =>
  tls
    ? grpc.ServerCredentials.createSsl(null, [
        { private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.certificate) },
      ])
    : grpc.ServerCredentials.createInsecure();

/** `Streams/Read`: a page, or a subscription. */
const readHandler =
  (log: EventLog, live: EventEmitter): handleServerStreamingCall<ReadReq, ReadResp> =>
  (call) => {
    const signal = signalOf(call);
    const options = call.request.getOptions();
    const fail = (error: unknown): void => void call.emit('error', refusalOf(error));
    const drop = (): void => fail(consumerTooSlow());
    const work = async (): Promise<void> => {
      if (!options) throw invalid('A read has options.');
      if (!options.hasSubscription()) return readPage(call, log, options, signal);
      live.on('drop', drop);
      await subscribe(call, log, options, signal).finally(() => live.off('drop', drop));
    };
    work().then(
      () => call.end(),
      (error: unknown) => fail(error),
    );
  };

/** What the genuine server has and this one has not. */
const LACKING = ['update', 'getInfo', 'replayParked', 'list', 'restartSubsystem'] as const;

const lacking =
  (method: string): handleUnaryCall<unknown, unknown> =>
  (_, callback) =>
    callback({ code: grpc.status.UNIMPLEMENTED, details: `This server has no ${method}.` });

const getSupportedMethods: handleUnaryCall<Empty, SupportedMethods> = (_, callback) => {
  const methods = Object.values(streamsService.StreamsService).map(({ path }) => {
    const [, service = '', method = ''] = path.split('/');
    return new features.SupportedMethod().setServiceName(service).setMethodName(method.toLowerCase());
  });
  callback(null, new features.SupportedMethods().setEventStoreServerVersion('23.10.6').setMethodsList(methods));
};
