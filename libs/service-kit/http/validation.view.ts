import { ApiProperty } from '@nestjs/swagger';

/** One right that was tried at the partner. */
export class CheckView {
  @ApiProperty() name!: string;
  @ApiProperty({ enum: ['passed', 'failed', 'skipped'] }) outcome!: 'passed' | 'failed' | 'skipped';
  @ApiProperty({ description: 'What was called: `PutRecords`, `SSH_FXP_RENAME`.' }) call!: string;
  @ApiProperty({ description: 'On which resource.' }) resource!: string;
  @ApiProperty({ description: "Ours, with the provider's own after a slash." }) code!: string;
  @ApiProperty() message!: string;
  @ApiProperty({ description: 'How to mend it; empty when passed.' }) remedy!: string;
  @ApiProperty() durationMs!: number;
  @ApiProperty({ required: false, description: 'Delivery can do without it.' }) optional?: boolean;
}

/** The report of a proof. */
export class ValidationView {
  @ApiProperty() id!: string;
  @ApiProperty({
    type: 'object',
    properties: {
      kind: { type: 'string', enum: ['account', 'target'] },
      accountId: { type: 'string' },
      destinationId: { type: 'string' },
    },
    required: ['kind', 'accountId'],
    additionalProperties: false,
  })
  subject!: { readonly kind: 'account' | 'target'; readonly accountId: string; readonly destinationId?: string };
  @ApiProperty({ enum: ['pending', 'passed', 'failed'] }) outcome!: 'pending' | 'passed' | 'failed';
  @ApiProperty({ nullable: true, type: String }) startedAt!: string | null;
  @ApiProperty({ nullable: true, type: String }) finishedAt!: string | null;
  @ApiProperty({ type: [CheckView] }) checks!: readonly CheckView[];
}

/** A proof that is still under way when the caller's time is over. */
export class PendingValidationView {
  @ApiProperty() id!: string;
  @ApiProperty({ enum: ['pending'] }) outcome!: 'pending';
}
