import {
  applyMemberships,
  audienceTables,
  followSegment,
  grantExport,
  type MembershipReport,
  unfollowSegments,
} from '@waybill/audience';
import { type AnswerOf, type DescribeDelivery, DescribeSegments } from '@waybill/contracts';
import { type EventsPage, type EventsQuestion, openStreamSource, type StreamSource } from '@waybill/delivery';
import { type CommandContext, newId } from '@waybill/kernel';
import { type Database, migrate, openDatabase } from '@waybill/postgres';
import { testDatabase } from '@waybill/testkit/postgres';

type Delivery = AnswerOf<typeof DescribeDelivery>;
export type Field = Delivery['mapping']['fields'][number];

export interface Payload extends Record<string, unknown> {
  readonly segmentMembership: {
    readonly ups: Readonly<Record<string, { readonly status: string; readonly lastQualificationTime: string }>>;
  };
}

export const payloadsOf = ({ events }: Pick<EventsPage, 'events'>): Payload[] =>
  events.flatMap((event) => ('data' in event ? [JSON.parse(Buffer.from(event.data).toString()) as Payload] : []));

const ACTIVATED = '2026-11-22T08:00:00.000Z';

/** What audience records and what delivery reads of it, in one database; messages between them are calls. */
export interface StreamScene {
  readonly audience: Database;
  /** With nobody and nothing in it. */
  sandbox(): StreamSandbox;
  close(): Promise<void>;
}

export const openStreamScene = async (): Promise<StreamScene> => {
  const server = await testDatabase();
  const audience = await openDatabase({ url: server.url, schema: 'audience' });
  await migrate(audience, 'audience', audienceTables);
  await grantExport(audience);
  const delivery = await openDatabase({ url: server.url, schema: 'delivery' });
  let sandboxes = 0;
  return {
    audience,
    sandbox: () => new StreamSandbox(audience, delivery, `sandbox ${(sandboxes += 1)}`),
    async close() {
      await delivery.close();
      await audience.close();
      await server.drop();
    },
  };
};

export class StreamSandbox {
  readonly context: CommandContext;
  readonly source: StreamSource;
  private readonly destinations = new Map<string, Delivery>();
  private revisions = 1;
  private minute = 0;

  constructor(
    private readonly audience: Database,
    delivery: Database,
    sandbox: string,
  ) {
    this.context = {
      tenant: 'acme',
      sandbox,
      commandId: newId(),
      actor: 'somebody',
      at: ACTIVATED,
      correlationId: newId(),
    };
    this.source = openStreamSource(delivery, { ask: this.answer as never });
  }

  /** As the destination and audience services answer. */
  private readonly answer = (
    { type }: { readonly type: string },
    { destinationId, segmentIds }: { readonly destinationId: string; readonly segmentIds: readonly string[] },
  ) =>
    Promise.resolve(
      type === DescribeSegments.type ? { segments: segmentIds.map(described) } : this.destinations.get(destinationId),
    );

  destination(fields: readonly Field[] = [], target: Record<string, unknown> = {}): string {
    const destinationId = newId();
    this.destinations.set(destinationId, {
      destinationId,
      revision: 1,
      status: 'enabled',
      name: 'Stream',
      type: 'amazon-kinesis',
      accountId: newId(),
      target: { stream: 'events', ...target },
      findings: {},
      files: null,
      mapping: { revision: 3, fields, changedAt: '2026-11-22T09:00:00.000Z' },
      marketingActions: [],
      activations: [],
    });
    return destinationId;
  }

  activationsOf(destinationId: string): Delivery['activations'] {
    return this.destinations.get(destinationId)?.activations ?? [];
  }

  /** As the destination service does it; what is answered is what audience does when it hears of it. */
  decideActivation(destinationId: string, segmentId: string): () => Promise<void> {
    const revision = (this.revisions += 1);
    const activatedAt = new Date(Date.parse(ACTIVATED) + revision * 1000).toISOString();
    this.activations(destinationId, segmentId, [{ segmentId, schedule: null, fileName: '', activatedAt }]);
    return () => followSegment(this.audience, this.context, { destinationId, segmentId, activatedAt, revision });
  }

  decideDeactivation(destinationId: string, segmentId: string): () => Promise<void> {
    const revision = (this.revisions += 1);
    this.activations(destinationId, segmentId, []);
    return () => unfollowSegments(this.audience, { destinationId, segmentId, revision });
  }

  private activations(destinationId: string, segmentId: string, activations: Delivery['activations']): void {
    const known = this.destinations.get(destinationId)!;
    const others = known.activations.filter((other) => other.segmentId !== segmentId);
    this.destinations.set(destinationId, { ...known, activations: [...others, ...activations] });
  }

  activate(destinationId: string, segmentId: string): Promise<void> {
    return this.decideActivation(destinationId, segmentId)();
  }

  deactivate(destinationId: string, segmentId: string): Promise<void> {
    return this.decideDeactivation(destinationId, segmentId)();
  }

  /** One transaction, each a minute after the one before. */
  report(
    profileId: string,
    segmentId: string,
    status: MembershipReport['status'],
    more: Partial<MembershipReport> = {},
  ): Promise<void> {
    const at = new Date(Date.UTC(2026, 0, 1, 0, (this.minute += 1))).toISOString();
    return applyMemberships(this.audience, this.context, [{ profileId, segmentId, status, at, ...more }]);
  }

  question(destinationId: string, more: Partial<EventsQuestion> = {}): EventsQuestion {
    const signal = new AbortController().signal;
    return { destinationId, context: this.context, share: { of: 1, shares: [0] }, max: 1000, signal, ...more };
  }

  live(destinationId: string, after: string | null = null, more: Partial<EventsQuestion> = {}): Promise<EventsPage> {
    return this.source.live(this.question(destinationId, more), after);
  }
}

const described = (segmentId: string) => ({
  segmentId,
  exists: true,
  name: `Segment ${segmentId}`,
  members: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-02-01T00:00:00.000Z',
});
