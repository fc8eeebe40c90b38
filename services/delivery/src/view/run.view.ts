import { ApiProperty } from '@nestjs/swagger';

/** Of a run of files, rows; of a stream, changes. */
export class RunCountsView {
  @ApiProperty({ description: 'Rows read; changes taken up.' }) read!: number;
  @ApiProperty({ description: 'Rows delivered; records settled.' }) written!: number;
  @ApiProperty({ description: 'Left out with a reason.' }) skipped!: number;
  @ApiProperty({ description: 'Of streams: dead letters.' }) failed!: number;
  @ApiProperty({ description: 'Of the written, those that tell that somebody left a segment.' }) exited!: number;
}

export class FileOfRunView {
  @ApiProperty({ description: 'The whole path or key at the partner.' }) path!: string;
  @ApiProperty() rows!: number;
  @ApiProperty() bytes!: number;
  @ApiProperty({ description: 'Of the bytes delivered, hex.' }) sha256!: string;
  @ApiProperty({ description: 'Of the content before compression and encryption.' }) contentSha256!: string;
  @ApiProperty() contentBytes!: number;
  @ApiProperty({ nullable: true, type: String, description: 'Of the key it is encrypted for.' })
  keyFingerprint!: string | null;
}

export class ManifestOfRunView {
  @ApiProperty() path!: string;
  @ApiProperty() sha256!: string;
}

export class RunProgressView {
  @ApiProperty() rows!: number;
  @ApiProperty() totalRows!: number;
  @ApiProperty() bytes!: number;
}

export class RunWindowView {
  @ApiProperty() from!: string;
  @ApiProperty() to!: string;
}

export class StreamProblemView {
  @ApiProperty() slug!: string;
  @ApiProperty() message!: string;
}

export class StreamLagView {
  @ApiProperty({ description: 'Transactions of the sandbox that were not taken up yet.' }) changes!: number;
  @ApiProperty({ description: 'Age of the oldest of them.' }) seconds!: number;
}

/** The telling of the members that a segment had when it was activated. */
export class BackfillView {
  @ApiProperty() segmentId!: string;
  @ApiProperty({ description: 'Members taken up: told, left out with a reason, or dead letters.' }) read!: number;
  @ApiProperty() done!: boolean;
  @ApiProperty({ nullable: true, type: String }) finishedAt!: string | null;
}

/** How the sending goes. */
export class StreamView {
  @ApiProperty({ enum: ['starting', 'sending', 'throttled', 'unavailable', 'refused'] }) state!: string;
  @ApiProperty() since!: string;
  @ApiProperty({ nullable: true, type: StreamProblemView }) problem!: StreamProblemView | null;
  @ApiProperty({ required: false, type: StreamLagView, description: 'How far live changes are behind.' })
  lag?: StreamLagView;
  @ApiProperty({ required: false, type: [BackfillView], description: 'Of the segments that are active.' })
  backfills?: readonly BackfillView[];
}

/** One export of a segment's files, or one hour of a stream. */
export class RunView {
  @ApiProperty() id!: string;
  @ApiProperty() destinationId!: string;
  @ApiProperty({ nullable: true, type: String, description: 'Null for a stream, which may have several.' })
  segmentId!: string | null;
  @ApiProperty({ required: false, type: [String], description: 'Of a stream.' }) segmentIds?: readonly string[];
  @ApiProperty({ enum: ['queued', 'running', 'completed', 'failed', 'cancelled'] }) status!: string;
  @ApiProperty({ enum: ['full', 'incremental', 'stream'] }) mode!: string;
  @ApiProperty({ type: RunCountsView }) counts!: RunCountsView;
  @ApiProperty({
    selfRequired: false,
    type: 'object',
    additionalProperties: { type: 'number' },
    description: 'By reason: `required:email`, `duplicate`. Of files.',
  })
  skippedBecause?: Readonly<Record<string, number>>;
  @ApiProperty({ type: [FileOfRunView], description: 'Those that have their final names.' })
  files!: readonly FileOfRunView[];
  @ApiProperty({ nullable: true, type: ManifestOfRunView }) manifest!: ManifestOfRunView | null;
  @ApiProperty({ required: false, allOf: [{ $ref: '#/components/schemas/Problem' }], description: 'Why it failed.' })
  failure?: object;
  @ApiProperty({ required: false, description: 'What could not be removed at the partner, and why.' })
  leftBehind?: string;
  @ApiProperty({ required: false, type: RunWindowView, description: 'The hour of a stream.' }) window?: RunWindowView;
  @ApiProperty({ required: false, type: StreamView, description: 'Of a stream, while the hour lasts.' })
  stream?: StreamView;
  @ApiProperty({ nullable: true, type: String }) startedAt!: string | null;
  @ApiProperty({ nullable: true, type: String }) finishedAt!: string | null;
  @ApiProperty({ required: false, type: RunProgressView }) progress?: RunProgressView | undefined;
  @ApiProperty({ required: false }) revision?: number;
}

export class RequestedRunView {
  @ApiProperty() id!: string;
  @ApiProperty() segmentId!: string;
}

export class RequestedRunsView {
  @ApiProperty({ type: [RequestedRunView] }) items!: readonly RequestedRunView[];
}
