import { once } from 'node:events';
import type { AddressInfo, Server, Socket } from 'node:net';
import rhea, { type Connection, type EventContext, type link, type Message, type Receiver, type Sender } from 'rhea';
import { Faults } from '../faults/index.js';
import type { Fault, Operation } from './faults.js';
import { batchOf, Hub, type ReceivedEvent } from './hub.js';
import { readPartition } from './reader.js';
import { type Claim, claimOf, hubIn, notFound, type Policy, Refusal, type Right, unauthorized } from './token.js';

export { type Fault, type Operation, serverBusy } from './faults.js';
export type { ReceivedEvent } from './hub.js';
export type { Policy, Right } from './token.js';

export interface EventHubsServerOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** Names of hubs to their numbers of partitions; default one, `waybill`, of 4. */
  readonly hubs?: Readonly<Record<string, number>>;
  /** Shared access policies by key name; default one that may do everything. */
  readonly policies?: Readonly<Record<string, Policy>>;
  /** PEM; without it plain TCP, as Azure's own emulator speaks. */
  readonly tls?: { readonly key: string; readonly cert: string };
  /** What a send link allows a message to hold; default that of the standard tier. */
  readonly mostMessageBytes?: number;
  /** Told of each batch as it is kept; `bytes` is what the link counted. */
  readonly onBatch?: (hub: string, partition: number, events: number, bytes: number) => void;
}

/** One request that came in. */
export interface Call {
  readonly operation: Operation;
  /** The audience of a token, the address of a link or the name of a hub. */
  readonly resource: string;
}

/** A namespace of event hubs in memory that speaks AMQP 1.0, for tests that need a fault at the right moment. */
export interface EventHubsServer {
  readonly host: string;
  readonly port: number;
  /** Of the first policy. */
  readonly keyName: string;
  readonly key: string;
  /** Of a policy, the first by default; with `UseDevelopmentEmulator` where the server speaks plain TCP. */
  connectionString(keyName?: string): string;
  /** What a hub was sent, in the order of arrival. */
  received(hub: string): readonly ReceivedEvent[];
  /** How many events a hub holds. */
  count(hub: string): number;
  /** Lets go of the events received so far. */
  forget(): void;
  readonly calls: readonly Call[];
  /** The next so many requests for an operation meet this fault. */
  inject(on: Operation, fault: Fault, times?: number): void;
  /** Resolves when the next request for an operation has come in. */
  asked(on: Operation): Promise<void>;
  /** Changes what a policy allows; links that it no longer allows are closed. */
  grant(keyName: string, rights: readonly Right[]): void;
  /** Closes every link of a kind, as Azure does after ten idle minutes and when it is updated. Default: those of events. */
  detachLinks(kind?: 'events' | 'tokens'): void;
  /** Breaks every connection. */
  dropConnections(): void;
  /** Takes back faults and forgets calls. */
  reset(): void;
  stop(): Promise<void>;
}

const STANDARD_TIER = 1_048_576;
/** Messages that a sender may have under way on a link. */
const CREDIT = 300;
const ARRAY_OF_STRINGS = 0xa1;

const ROOT: Readonly<Record<string, Policy>> = {
  RootManageSharedAccessKey: { key: 'waybill-test-key+/=', rights: ['Send', 'Listen', 'Manage'] },
};

/** One request: its work, then its answer, unless a fault comes between. */
interface Exchange {
  readonly operation: Operation;
  readonly resource: string;
  readonly link: link;
  /** Throws a Refusal, or hands back what answers. */
  work(): () => void;
  refuse(refusal: Refusal): void;
}

interface Properties {
  readonly name?: string;
  readonly security_token?: string;
}

type Request = Pick<Message, 'message_id' | 'reply_to' | 'body'> & { readonly application_properties?: Properties };

const addressOf = ({ address }: { readonly address?: unknown } = {}): string =>
  typeof address === 'string' ? address : '';

const isRequestNode = (address: string): boolean => address === '$cbs' || address.endsWith('$management');

const missing = (right: Right): Refusal =>
  unauthorized(`Unauthorized access. '${right}' claim(s) are required to perform this operation.`);

const FORCED = {
  condition: 'amqp:link:detach-forced',
  description: 'The link is force detached. Code: publisher(link1). Details: AmqpMessagePublisher.IdleTimerExpired.',
};

/** With an error, since rhea hears of no other end that comes from this side, and would keep its timers. */
const destroy = (socket: Socket): void => void socket.destroy(new Error('The connection breaks.'));

/** rhea has no way of breaking a connection; its declarations leave the socket out. */
const drop = (connection: Connection): void => destroy((connection as Connection & { readonly socket: Socket }).socket);

const close = (link: link, { condition, description }: Pick<Refusal, 'condition' | 'description'>): void => {
  if (link.is_open()) link.close({ condition, description });
};

class Namespace {
  readonly calls: Call[] = [];
  readonly faults = new Faults<Operation, Fault>();
  readonly policies: Map<string, Policy>;
  readonly hubs: ReadonlyMap<string, Hub>;
  readonly #connections = new Map<Connection, Claim[]>();
  readonly #links = new Set<Receiver>();

  constructor(
    private readonly options: EventHubsServerOptions,
    private readonly mostMessageBytes: number,
  ) {
    this.policies = new Map(Object.entries(options.policies ?? ROOT));
    this.hubs = new Map(
      Object.entries(options.hubs ?? { waybill: 4 }).map(([name, partitions]) => [name, new Hub(name, partitions)]),
    );
  }

  connected(connection: Connection): void {
    this.#connections.set(connection, []);
  }

  disconnected(connection: Connection): void {
    this.#connections.delete(connection);
    for (const link of this.#links) if (link.connection === connection) this.#links.delete(link);
  }

  detachLinks(
    error: Pick<Refusal, 'condition' | 'description'>,
    which: (address: string, connection: Connection) => boolean,
  ): void {
    for (const link of this.#links) {
      if (!which(addressOf(link.target), link.connection)) continue;
      this.#links.delete(link);
      close(link, error);
    }
  }

  grant(keyName: string, rights: readonly Right[]): void {
    const policy = this.policies.get(keyName);
    if (!policy) throw new Error(`There is no policy ${keyName}.`);
    this.policies.set(keyName, { ...policy, rights });
    this.detachLinks(
      missing('Send'),
      (address, connection) => !isRequestNode(address) && !this.#may(connection, hubIn(address), 'Send'),
    );
  }

  /** A client's receiver: of the answers to its requests, or of the events of a partition. */
  onSender(sender: Sender): void {
    const address = addressOf(sender.source);
    sender.set_source({ address });
    sender.set_target({ address: addressOf(sender.target) });
    if (isRequestNode(address)) return;
    const [name = '', , , , partition] = address.split('/');
    this.#serve({
      operation: 'attach',
      resource: address,
      link: sender,
      work: () => {
        const hub = this.hubs.get(name);
        if (!hub || !(Number(partition) < hub.partitions)) throw notFound(address);
        if (!this.#may(sender.connection, name, 'Listen')) throw missing('Listen');
        return () => readPartition(hub, Number(partition), sender);
      },
      refuse: (refusal) => close(sender, refusal),
    });
  }

  /** A client's sender: of requests, or of events. */
  onReceiver(receiver: Receiver): void {
    const address = addressOf(receiver.target);
    receiver.set_target({ address });
    receiver.set_source({ address: addressOf(receiver.source) });
    if (isRequestNode(address)) {
      this.#links.add(receiver);
      return receiver.add_credit(CREDIT);
    }
    this.#serve({
      operation: 'attach',
      resource: address,
      link: receiver,
      work: () => {
        const name = hubIn(address);
        if (!this.hubs.has(name)) throw notFound(address);
        if (!this.#may(receiver.connection, name, 'Send')) throw missing('Send');
        this.#links.add(receiver);
        return () => receiver.add_credit(CREDIT);
      },
      refuse: (refusal) => close(receiver, refusal),
    });
  }

  onMessage({ message, delivery, receiver }: EventContext): void {
    if (!message || !delivery || !receiver) return;
    receiver.add_credit(1);
    const address = addressOf(receiver.target);
    if (!isRequestNode(address)) {
      // What is in the format of batches is handed over as it came.
      const bytes = Buffer.isBuffer(message) ? message : rhea.message.encode(message);
      return this.#serve({
        operation: 'send',
        resource: address,
        link: receiver,
        work: () => {
          this.#keep(address, bytes);
          return () => delivery.accept();
        },
        // In a turn of its own: rhea tells the answers of one turn as one, and all of them by the first.
        refuse: ({ condition, description }) =>
          setImmediate(() => receiver.is_open() && delivery.reject({ condition, description })),
      });
    }
    delivery.accept();
    if (address === '$cbs') this.#onToken(message, receiver);
    else this.#onRead(message, receiver);
  }

  #onToken(request: Request, receiver: Receiver): void {
    const audience = request.application_properties?.name ?? '';
    this.#serve({
      operation: 'put-token',
      resource: audience,
      link: receiver,
      work: () => {
        const claim = claimOf(String(request.body), this.policies, Date.now(), audience);
        // Looked at after the signature: who may do nothing is not told what there is.
        if (!this.hubs.has(claim.hub)) throw notFound(audience);
        this.#connections.get(receiver.connection)?.push(claim);
        return () => this.#reply(receiver, request, 202);
      },
      refuse: (refusal) => this.#reply(receiver, request, refusal),
    });
  }

  #onRead(request: Request, receiver: Receiver): void {
    const { name = '', security_token: token = '' } = request.application_properties ?? {};
    this.#serve({
      operation: 'read',
      resource: name,
      link: receiver,
      work: () => {
        const claim = claimOf(token, this.policies, Date.now());
        const hub = this.hubs.get(name);
        if (!hub) throw notFound(name);
        if (claim.hub !== name || !this.#allows(claim, 'Listen')) throw missing('Listen');
        return () => this.#reply(receiver, request, 200, describe(hub));
      },
      refuse: (refusal) => this.#reply(receiver, request, refusal),
    });
  }

  #keep(address: string, bytes: Buffer): void {
    if (bytes.length > this.mostMessageBytes) {
      throw new Refusal(
        403,
        'amqp:link:message-size-exceeded',
        `The received message (size:${bytes.length} bytes) exceeds the limit (${this.mostMessageBytes} bytes) currently allowed on the link.`,
      );
    }
    const [name = '', , partition] = address.split('/');
    const batch = batchOf(bytes);
    const hub = this.hubs.get(name);
    if (!hub) throw notFound(address);
    const kept = hub.keep(batch, partition === undefined ? undefined : Number(partition));
    this.options.onBatch?.(name, kept, batch.events.length, bytes.length);
  }

  #serve({ operation, resource, link, work, refuse }: Exchange): void {
    this.calls.push({ operation, resource });
    const fault = this.faults.take(operation);
    const outcome = (): (() => void) => {
      try {
        return work();
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        return () => refuse(error);
      }
    };
    if (!fault) return outcome()();
    if (fault.kind === 'refuse') {
      return refuse(new Refusal(503, fault.condition, fault.description ?? `Injected: ${fault.condition}.`));
    }
    if (fault.kind === 'delay') {
      const answer = outcome();
      setTimeout(() => link.is_open() && answer(), fault.ms).unref();
      return;
    }
    if (fault.kept) outcome();
    if (fault.kind === 'drop') drop(link.connection);
    if (fault.kind === 'detach') close(link, { description: `Injected: ${fault.condition}.`, ...fault });
  }

  #may(connection: Connection, hub: string, right: Right): boolean {
    const claims = this.#connections.get(connection) ?? [];
    return claims.some((claim) => claim.hub === hub && claim.expiresAt > Date.now() && this.#allows(claim, right));
  }

  #allows({ keyName }: Claim, right: Right): boolean {
    const rights = this.policies.get(keyName)?.rights ?? [];
    return rights.includes(right) || rights.includes('Manage');
  }

  /** To the link that the request names, on the session it came by. */
  #reply({ session }: Receiver, { message_id, reply_to }: Request, status: number | Refusal, body?: unknown): void {
    const properties =
      typeof status === 'number'
        ? { 'status-code': status, 'status-description': 'OK' }
        : {
            'status-code': status.status,
            'status-description': status.description,
            'error-condition': status.condition,
          };
    const sender = session.find_sender(
      ({ name, target }: Sender) => name === reply_to || addressOf(target) === reply_to,
    );
    sender?.send({ correlation_id: message_id ?? '', application_properties: properties, body });
  }
}

/** As `$management` describes a hub. */
const describe = ({ name, createdAt, partitions }: Hub): unknown =>
  rhea.types.wrap_map({
    name,
    type: 'com.microsoft:eventhub',
    created_at: createdAt,
    partition_count: partitions,
    partition_ids: rhea.types.wrap_array(
      Array.from({ length: partitions }, (_, id) => String(id)),
      ARRAY_OF_STRINGS,
      undefined,
    ),
    georeplication_factor: 1,
  });

export const startEventHubsServer = async (options: EventHubsServerOptions = {}): Promise<EventHubsServer> => {
  const { port = 0, tls, mostMessageBytes = STANDARD_TIER } = options;
  const namespace = new Namespace(options, mostMessageBytes);
  const container = rhea.create_container({ id: 'waybill-event-hubs' });
  (container.sasl_server_mechanisms as { enable_anonymous(): void }).enable_anonymous();
  container.on('connection_open', ({ connection }: EventContext) => namespace.connected(connection));
  for (const event of ['connection_close', 'disconnected']) {
    container.on(event, ({ connection }: EventContext) => namespace.disconnected(connection));
  }
  container.on('sender_open', ({ sender }: EventContext) => sender && namespace.onSender(sender));
  container.on('receiver_open', ({ receiver }: EventContext) => receiver && namespace.onReceiver(receiver));
  container.on('message', (context: EventContext) => namespace.onMessage(context));
  // What a client does wrong ends its connection, and is the client's to report.
  for (const event of [
    'connection_error',
    'session_error',
    'receiver_error',
    'sender_error',
    'protocol_error',
    'error',
  ]) {
    container.on(event, () => undefined);
  }
  const common = {
    host: '127.0.0.1',
    port,
    idle_time_out: 60_000,
    max_frame_size: 65_536,
    tcp_no_delay: true,
    // Credit is given, and answers are made, by hand.
    receiver_options: { credit_window: 0, autoaccept: false, max_message_size: mostMessageBytes },
  };
  const server: Server = tls
    ? container.listen({ ...common, ...tls, transport: 'tls' })
    : container.listen({ ...common, transport: 'tcp' });
  const sockets = new Set<Socket>();
  // Over TLS a connection is two sockets, and rhea hears of the outer one only.
  for (const event of ['secureConnection', 'connection']) {
    server.on(event, (socket: Socket) => {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket)).on('error', () => undefined);
    });
  }
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  const [first = ''] = namespace.policies.keys();
  const hubNamed = (name: string): Hub => {
    const hub = namespace.hubs.get(name);
    if (!hub) throw new Error(`There is no hub ${name}.`);
    return hub;
  };
  return {
    host: address.address,
    port: address.port,
    keyName: first,
    key: namespace.policies.get(first)?.key ?? '',
    connectionString: (keyName = first) => {
      const { key, hub } = namespace.policies.get(keyName) ?? { key: '' };
      return [
        `Endpoint=sb://${address.address}:${address.port}/`,
        `SharedAccessKeyName=${keyName}`,
        `SharedAccessKey=${key}`,
        ...(hub === undefined ? [] : [`EntityPath=${hub}`]),
        ...(tls ? [] : ['UseDevelopmentEmulator=true']),
      ].join(';');
    },
    received: (hub) => hubNamed(hub).events(),
    count: (hub) => hubNamed(hub).size,
    forget: () => namespace.hubs.forEach((hub) => hub.forget()),
    calls: namespace.calls,
    inject: (on, fault, times = 1) => namespace.faults.add(on, fault, times),
    asked: (on) => namespace.faults.nextOf(on),
    grant: (keyName, rights) => namespace.grant(keyName, rights),
    detachLinks: (kind = 'events') =>
      namespace.detachLinks(FORCED, (address) => (kind === 'tokens' ? address === '$cbs' : !isRequestNode(address))),
    dropConnections: () => [...sockets].reverse().forEach(destroy),
    reset: () => {
      namespace.faults.clear();
      namespace.calls.length = 0;
    },
    stop: async () => {
      [...sockets].reverse().forEach(destroy);
      server.close();
      await once(server, 'close');
    },
  };
};
