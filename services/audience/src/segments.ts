import { Inject, Injectable } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { isClientId } from '@waybill/forms';
import type { StreamType } from '@waybill/event-store';
import { type CommandContext, idFrom, type Scope, streamName, WaybillError } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import { DATABASE, type Executed, type Loaded, SERVICE, type Service } from '@waybill/service-kit';
import { SEGMENT, type SegmentCommand, segmentDecider, type SegmentEvent, type SegmentState } from './segment/index.js';
import { countsOf, type SegmentCounts } from './store/segment-counts.js';

export const segmentStream: StreamType<SegmentState, SegmentCommand, SegmentEvent> = {
  category: SEGMENT,
  decider: segmentDecider,
};

/** The id is the client's own, so the stream's is derived from tenant, sandbox and id. */
const streamOf = ({ tenant, sandbox }: Scope, segmentId: string): string =>
  streamName(SEGMENT, idFrom('segment', tenant, sandbox, segmentId));

export type DefinedSegment = Extract<SegmentState, { status: 'defined' }>;

export class SegmentView {
  @ApiProperty() id!: string;
  @ApiProperty() name!: string;
  @ApiProperty() description!: string;
  @ApiProperty({ description: 'Profiles that are in it.' }) members!: number;
  @ApiProperty({ description: 'Profiles that were, and have left.' }) exited!: number;
  @ApiProperty({ description: 'When it, or who is in it, changed last.' }) updatedAt!: string;
  @ApiProperty() revision!: number;
}

export const segmentView = (
  { segmentId, name, description }: DefinedSegment,
  { revision, changedAt }: { readonly revision: number; readonly changedAt: string },
  counts: SegmentCounts | undefined,
): SegmentView => ({
  id: segmentId,
  name,
  description,
  members: counts?.members ?? 0,
  exited: counts?.exited ?? 0,
  updatedAt: counts?.updatedAt ?? changedAt,
  revision,
});

/** Segments as the slices use them: definitions from the log, counts from the tables. */
@Injectable()
export class Segments {
  constructor(
    @Inject(SERVICE) private readonly service: Service,
    @Inject(DATABASE) private readonly database: Database,
  ) {}

  load(scope: Scope, segmentId: string): Promise<Loaded<SegmentState>> {
    return this.service.load(segmentStream, streamOf(scope, segmentId), scope);
  }

  async existing(scope: Scope, segmentId: string): Promise<Loaded<SegmentState> & { readonly state: DefinedSegment }> {
    const loaded = await this.load(scope, segmentId);
    if (loaded.state.status === 'none') throw segmentNotFound(segmentId);
    return { ...loaded, state: loaded.state };
  }

  execute(segmentId: string, command: SegmentCommand, context: CommandContext): Promise<Executed<SegmentState>> {
    if (!isClientId(segmentId)) throw segmentIdUnusable();
    return this.service.execute(segmentStream, streamOf(context, segmentId), command, context);
  }

  async view(scope: Scope, segmentId: string): Promise<SegmentView> {
    const { state, createdAt, revision } = await this.existing(scope, segmentId);
    const counts = await countsOf(this.database, scope, [segmentId]);
    return segmentView(state, { revision, changedAt: createdAt }, counts.get(segmentId));
  }
}

export const segmentNotFound = (id: string): WaybillError =>
  new WaybillError(
    'segment-not-found',
    'not-found',
    `There is no segment "${id}". Make it first (PUT /v1/segments/{id}).`,
  );

const segmentIdUnusable = () =>
  new WaybillError(
    'invalid-input',
    'malformed',
    'The id of a segment has 1 to 256 characters, without control characters.',
    {
      fields: [{ path: 'id', message: 'must be 1 to 256 characters without control characters' }],
    },
  );
