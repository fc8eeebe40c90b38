import { ApiProperty } from '@nestjs/swagger';

/** Of profiles, each of which is told once. */
export class RedeliveryCountsView {
  @ApiProperty() requested!: number;
  @ApiProperty() redelivered!: number;
  @ApiProperty({ description: 'Told live meanwhile, or nothing left to tell.' }) skipped!: number;
  @ApiProperty({ description: 'Dead letters again.' }) failed!: number;
}

export class RedeliveryFilterView {
  @ApiProperty({ required: false }) runId?: string;
  @ApiProperty({ required: false }) from?: string;
  @ApiProperty({ required: false }) to?: string;
  @ApiProperty({ required: false }) code?: string;
  @ApiProperty({ required: false, description: 'Stands for a profile.' }) profileKey?: string;
}

/** Dead letters that are delivered again. */
export class RedeliveryView {
  @ApiProperty() id!: string;
  @ApiProperty() destinationId!: string;
  @ApiProperty({ enum: ['waiting', 'running', 'done'] }) status!: 'waiting' | 'running' | 'done';
  @ApiProperty({ type: RedeliveryFilterView }) filter!: RedeliveryFilterView;
  @ApiProperty({ description: 'As many as it was of when it was asked for.' }) deadLetters!: number;
  @ApiProperty({ type: RedeliveryCountsView }) counts!: RedeliveryCountsView;
  @ApiProperty() requestedAt!: string;
  @ApiProperty() requestedBy!: string;
  @ApiProperty({ nullable: true, type: String }) finishedAt!: string | null;
  @ApiProperty() revision!: number;
}

/** What is redelivered, or would be. */
export class RequestedRedeliveryView {
  @ApiProperty({ required: false, description: 'Unless it is a dry run.' }) id?: string;
  @ApiProperty({ required: false, enum: ['waiting'] }) status?: 'waiting';
  @ApiProperty() dryRun!: boolean;
  @ApiProperty() deadLetters!: number;
  @ApiProperty() profiles!: number;
  @ApiProperty({ type: 'object', additionalProperties: { type: 'number' } }) byCode!: Readonly<Record<string, number>>;
}
