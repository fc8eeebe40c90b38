import { ApiProperty } from '@nestjs/swagger';
import type { FilesOptions, Mapping } from '@waybill/contracts';
import type { Destination } from '../destination/index.js';

/** A destination as clients see it. */
export class DestinationView {
  @ApiProperty() id!: string;
  @ApiProperty() accountId!: string;
  @ApiProperty() type!: string;
  @ApiProperty({ enum: ['enabled', 'disabled', 'deleted'] }) status!: Destination['status'];
  @ApiProperty() name!: string;
  @ApiProperty() description!: string;
  @ApiProperty({ type: [String], description: 'Empty: none stated.' }) marketingActions!: readonly string[];
  @ApiProperty({ type: 'object', additionalProperties: true }) target!: Readonly<Record<string, unknown>>;
  @ApiProperty({
    type: 'object',
    additionalProperties: true,
    nullable: true,
    description: 'Null for what delivers events.',
  })
  files!: FilesOptions | null;
  @ApiProperty({ type: 'object', additionalProperties: true }) mapping!: Mapping;
  @ApiProperty({ type: 'array', items: { type: 'object' } }) segments!: readonly object[];
  @ApiProperty({ description: 'The proof of the target.' }) validationId!: string;
  @ApiProperty() revision!: number;
  @ApiProperty() createdAt!: string;
  @ApiProperty() createdBy!: string;
}

/** A target that is still being proven when the caller's time is over: the work goes on. */
export class ProvingView {
  @ApiProperty({ description: 'Of the destination.' }) id!: string;
  @ApiProperty({ enum: ['proving'] }) status!: 'proving';
}

export const destinationView = (
  destination: Destination,
  {
    revision,
    createdAt,
    createdBy,
  }: { readonly revision: number; readonly createdAt: string; readonly createdBy: string },
): DestinationView => {
  const {
    destinationId,
    accountId,
    type,
    status,
    name,
    description,
    marketingActions,
    target,
    files,
    mapping,
    validationId,
  } = destination;
  return {
    id: destinationId,
    accountId,
    type,
    status,
    name,
    description,
    marketingActions,
    target,
    files,
    mapping,
    segments: destination.activations.map(({ segmentId, segmentName, schedule, fileName, activatedAt }) => ({
      segmentId,
      name: segmentName,
      schedule,
      fileName,
      activatedAt,
    })),
    validationId,
    revision,
    createdAt,
    createdBy,
  };
};
