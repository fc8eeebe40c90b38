import { ApiProperty } from '@nestjs/swagger';

/** A change that could not be delivered. What was to be sent is not kept: a redelivery tells how the profile is then. */
export class DeadLetterView {
  @ApiProperty() id!: string;
  @ApiProperty() profileId!: string;
  @ApiProperty({ description: "The provider's code, or ours." }) code!: string;
  @ApiProperty() message!: string;
  @ApiProperty() attempts!: number;
  @ApiProperty({ description: 'Given up at.' }) at!: string;
  @ApiProperty({ description: 'Of the hour in which it was given up.' }) runId!: string;
  @ApiProperty({ nullable: true, type: String, description: 'The redelivery that it waits for.' })
  redeliveryId!: string | null;
}

export class DiscardedView {
  @ApiProperty({ description: 'How many were discarded.' }) deadLetters!: number;
}
