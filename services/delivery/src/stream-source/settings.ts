import { type AnswerOf, DescribeDelivery, DescribeSegments, type Mapping } from '@waybill/contracts';
import type { CommandContext, Scope } from '@waybill/kernel';
import type { Service } from '@waybill/service-kit';

/** A segment that is on; times are Unix milliseconds. */
export interface StreamSegment {
  readonly segmentId: string;
  readonly activatedAt: number;
  readonly mappingUpdatedAt: number;
  /** Known where the destination includes names or timestamps. */
  readonly name?: string | undefined;
  readonly createdAt?: number | undefined;
  readonly updatedAt?: number | undefined;
}

/** What a destination says of its events. */
export interface StreamSettings {
  readonly scope: Scope;
  readonly destinationId: string;
  readonly mapping: Mapping;
  readonly includeSegmentNames: boolean;
  readonly includeSegmentTimestamps: boolean;
  /** An attribute written with the value that it had counts as no change. */
  readonly onlyChanges: boolean;
  /** `profile.id` or `identities.<namespace>`. */
  readonly partitionKey: string;
  readonly segments: ReadonlyMap<string, StreamSegment>;
}

export type SegmentFacts = AnswerOf<typeof DescribeSegments>['segments'][number];

/** As many as one question may name. */
const DESCRIBED_AT_ONCE = 1_000;

/** For so long a page may be read with settings that were changed meanwhile. */
const FRESH_MS = 1_000;

/** The settings of destinations, asked for at most once a second each. */
export class SettingsOfDestinations {
  private readonly known = new Map<string, { readonly settings: StreamSettings; readonly until: number }>();

  constructor(private readonly service: Pick<Service, 'ask'>) {}

  cached(destinationId: string): StreamSettings | undefined {
    const known = this.known.get(destinationId);
    if (known && known.until > Date.now()) return known.settings;
    this.known.delete(destinationId);
    return undefined;
  }

  async ask(destinationId: string, context: CommandContext): Promise<StreamSettings> {
    const until = Date.now() + FRESH_MS;
    const delivery = await this.service.ask(DescribeDelivery, { destinationId }, context);
    const { target, activations } = delivery;
    const told = target['includeSegmentNames'] === true || target['includeSegmentTimestamps'] === true;
    const segmentIds = activations.map(({ segmentId }) => segmentId);
    const segments = told ? await this.describe(segmentIds, context) : [];
    const settings = settingsOf(context, delivery, segments);
    this.known.set(destinationId, { settings, until });
    return settings;
  }

  private async describe(segmentIds: readonly string[], context: CommandContext): Promise<readonly SegmentFacts[]> {
    const facts: SegmentFacts[] = [];
    for (let at = 0; at < segmentIds.length; at += DESCRIBED_AT_ONCE) {
      const question = { segmentIds: segmentIds.slice(at, at + DESCRIBED_AT_ONCE) };
      facts.push(...(await this.service.ask(DescribeSegments, question, context)).segments);
    }
    return facts;
  }
}

export const settingsOf = (
  { tenant, sandbox }: Scope,
  { destinationId, target, mapping, activations }: AnswerOf<typeof DescribeDelivery>,
  described: readonly SegmentFacts[],
): StreamSettings => {
  const { includeSegmentNames, includeSegmentTimestamps, onlyChanges, partitionKey } = target;
  const facts = new Map(described.map((segment) => [segment.segmentId, segment]));
  const mappedAt = timeOf(mapping.changedAt) ?? 0;
  return {
    scope: { tenant, sandbox },
    destinationId,
    mapping,
    includeSegmentNames: includeSegmentNames === true,
    includeSegmentTimestamps: includeSegmentTimestamps === true,
    onlyChanges: onlyChanges === true,
    partitionKey: typeof partitionKey === 'string' ? partitionKey : 'profile.id',
    segments: new Map(
      activations.map(({ segmentId, activatedAt }) => [
        segmentId,
        segmentOf(segmentId, Date.parse(activatedAt), mappedAt, facts.get(segmentId)),
      ]),
    ),
  };
};

/** As if the segment were activated now, where it is not active. */
export const withSegment = (settings: StreamSettings, facts: SegmentFacts): StreamSettings => {
  const { segmentId } = facts;
  if (settings.segments.has(segmentId)) return settings;
  const now = Date.now();
  return { ...settings, segments: new Map([...settings.segments, [segmentId, segmentOf(segmentId, now, now, facts)]]) };
};

const segmentOf = (
  segmentId: string,
  activatedAt: number,
  mappedAt: number,
  { name, createdAt, updatedAt }: Partial<SegmentFacts> = {},
): StreamSegment => ({
  segmentId,
  activatedAt,
  mappingUpdatedAt: Math.max(activatedAt, mappedAt),
  name: name ?? undefined,
  createdAt: timeOf(createdAt),
  updatedAt: timeOf(updatedAt),
});

const timeOf = (time: string | undefined): number | undefined => (time === undefined ? undefined : Date.parse(time));
