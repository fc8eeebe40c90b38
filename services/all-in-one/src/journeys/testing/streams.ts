import type { EventHubsServer } from '@waybill/testkit/event-hubs';
import type { KinesisServer } from '@waybill/testkit/kinesis';
import type { Api } from './api.js';
import { bodyOf } from './exports.js';
import type { AccountView, DestinationView } from './views.js';

/** What Waybill says of an event beside the payload. */
export interface Envelope {
  readonly eventId: string;
  readonly sequence: number;
  readonly profileId: string;
  readonly replay: boolean;
}

/** An event as a consumer of the stream or hub reads it. */
export interface StreamEvent {
  readonly person?: { readonly name?: { readonly firstName?: string } };
  readonly segmentMembership: { readonly ups: Readonly<Record<string, { readonly status: string }>> };
  readonly identityMap: Readonly<Record<string, readonly { readonly id: string }[]>>;
  readonly waybill: Envelope;
}

/** What a test needs of either partner. */
export interface StreamPartner {
  readonly type: 'amazon-kinesis' | 'azure-event-hubs';
  readonly authentication: Record<string, unknown>;
  readonly target: Record<string, unknown>;
  /** In the order of their arrival. */
  received(): readonly StreamEvent[];
}

export const kinesisPartner = (server: KinesisServer, stream: string): StreamPartner => {
  const { accessKeyId, secretAccessKey, region, endpoint } = server;
  return {
    type: 'amazon-kinesis',
    authentication: { method: 'access-key', accessKeyId, secretAccessKey, region, endpoint },
    target: { stream },
    received: () =>
      server
        .received(stream)
        .toSorted((a, b) => a.at - b.at)
        .map(({ data }) => JSON.parse(data.toString('utf8')) as StreamEvent),
  };
};

export const eventHubsPartner = (server: EventHubsServer, hub: string): StreamPartner => ({
  type: 'azure-event-hubs',
  authentication: { method: 'connection-string', connectionString: server.connectionString() },
  target: { eventHub: hub },
  received: () => server.received(hub).map(({ body }) => JSON.parse(body.toString('utf8')) as StreamEvent),
});

/** Connects, creates, maps a first name, and activates; answers the destination's id. */
export const setUpStream = async (
  api: Api,
  { type, authentication, target }: StreamPartner,
  segmentId: string,
  moreOfTarget: Record<string, unknown> = {},
): Promise<string> => {
  const account = bodyOf(await api.post<AccountView>('/v1/accounts', { type, name: type, authentication }));
  const { id } = bodyOf(
    await api.post<DestinationView>('/v1/destinations', {
      accountId: account.id,
      name: `To ${type}`,
      target: { ...target, ...moreOfTarget },
    }),
  );
  const fields = [{ source: 'attributes.firstName', target: 'person.name.firstName' }];
  bodyOf(await api.put(`/v1/destinations/${id}/mapping`, { fields }));
  await activate(api, id, segmentId);
  return id;
};

export const activate = async (api: Api, destinationId: string, segmentId: string): Promise<void> => {
  bodyOf(await api.put(`/v1/destinations/${destinationId}/segments/${segmentId}`, {}));
};

export interface Member {
  readonly id: string;
  readonly firstName: string;
  readonly status?: 'exited';
  readonly identities?: Readonly<Record<string, string>>;
}

/** Profiles come into a segment, leave it, or get another first name. */
export const report = async (api: Api, segmentId: string, members: readonly Member[]): Promise<void> => {
  const lines = members.map(({ id, firstName, status, identities }) =>
    JSON.stringify({
      id,
      identities: { email: `${id}@example.com`, ...identities },
      attributes: { firstName },
      ...(status && { status }),
    }),
  );
  const path = `/v1/segments/${segmentId}/members?mode=merge&identity=id`;
  bodyOf(await api.send('POST', path, lines.join('\n'), { 'content-type': 'application/x-ndjson' }));
};

export const firstNameOf = ({ person }: StreamEvent): string => person?.name?.firstName ?? '';

/** The first arrival of each event: a retry brings the same again. */
export const firstArrivals = (events: readonly StreamEvent[]): readonly StreamEvent[] => {
  const seen = new Set<string>();
  return events.filter(({ waybill: { eventId } }) => !seen.has(eventId) && seen.add(eventId));
};
