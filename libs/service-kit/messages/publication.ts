import { type DataOf, type MessageContract, writeMessage } from '@waybill/contracts';
import type { EventStore, StreamType } from '@waybill/event-store';
import { categoryOf, idFrom, type RecordedEvent, topicKey } from '@waybill/kernel';
import type { OutgoingMessage } from '@waybill/messaging';
import { loadStream, type LoadedStream } from '../service/load-stream.js';

/** How one recorded event looks outside; `state` is that of its stream right after it. */
export interface Publication {
  readonly contract: MessageContract;
  readonly data: (event: RecordedEvent, state: unknown) => object;
}

/** `data` is checked against the contract when the event leaves; members that the contract does not name stay inside. */
export const as = <Contract extends MessageContract, Event extends RecordedEvent, State>(
  contract: Contract,
  data: (event: Event, state: State) => DataOf<Contract>,
): Publication => ({ contract, data: data as unknown as Publication['data'] });

/** Whichever state, commands and events it has: the relay only folds it. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- states and commands of different stream types have nothing in common
export type AnyStreamType = StreamType<any, any, any>;

/** The allow-list of one stream type: what stands here leaves the service, everything else stays inside. */
export interface Publications {
  readonly streamType: AnyStreamType;
  readonly byEvent: Readonly<Record<string, Publication>>;
}

/** What the relay of a service sends for an event of its log. */
export const translator =
  (store: EventStore, publications: readonly Publications[]) =>
  async (event: RecordedEvent): Promise<readonly OutgoingMessage[]> => {
    const category = categoryOf(event.stream);
    const known = publications.find(({ streamType }) => streamType.category === category);
    const publication = known?.byEvent[event.type];
    if (!known || !publication) return [];
    const state = publication.data.length > 1 ? await stateAfter(store, known.streamType, event) : undefined;
    return [messageFrom(event, publication, state)];
  };

const stateAfter = async (store: EventStore, streamType: AnyStreamType, event: RecordedEvent): Promise<unknown> => {
  const loaded: LoadedStream<unknown> = await loadStream(store, streamType, event.stream, { upTo: event.revision });
  return loaded.state;
};

/** A message that follows from an event of the log: the same one each time, so that its readers know it again. */
const messageFrom = (event: RecordedEvent, { contract, data }: Publication, state: unknown): OutgoingMessage => {
  const body = writeMessage(contract, data(event, state) as never);
  if (body.topic === null) throw new Error(`${body.type} is an answer and has no topic to be published on`);
  const { tenant, sandbox, actor, correlationId, occurredAt, traceparent } = event.metadata;
  return {
    ...body,
    topic: body.topic,
    id: idFrom(event.id, body.type),
    subject: event.stream,
    key: topicKey(event.metadata, event.stream),
    time: occurredAt,
    tenant,
    sandbox,
    actor,
    correlationId,
    causationId: event.id,
    ...(traceparent === undefined ? {} : { traceparent }),
  };
};
