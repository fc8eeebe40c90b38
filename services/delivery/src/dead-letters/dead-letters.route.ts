import { Get, Inject, Param, Query } from '@nestjs/common';
import { DescribeDelivery } from '@waybill/contracts';
import { IsTime } from '@waybill/forms';
import type { CommandContext } from '@waybill/kernel';
import { ApiPage, Context, PageQuery, SERVICE, ServiceController, type Service, Summary } from '@waybill/service-kit';
import { IsOptional, IsString, IsUUID } from 'class-validator';
import { DeadLetterView } from '../view/dead-letter.view.js';
import { DeadLetters } from './dead-letters.js';

export class ListDeadLettersQuery extends PageQuery {
  /** The provider's code, or ours. */
  @IsOptional()
  @IsString()
  code?: string;

  /** Given up at or after this time. */
  @IsOptional()
  @IsTime()
  from?: string;

  /** Given up before this time. */
  @IsOptional()
  @IsTime()
  to?: string;

  @IsOptional()
  @IsString()
  profileId?: string;

  @IsOptional()
  @IsUUID()
  runId?: string;
}

@ServiceController('v1/destinations/:id/dead-letters', 'delivery')
export class DeadLettersRoute {
  constructor(
    @Inject(SERVICE) private readonly service: Service,
    @Inject(DeadLetters) private readonly deadLetters: DeadLetters,
  ) {}

  /** Changes that could not be delivered to a stream or a hub, with the reason, newest first. */
  @Get()
  @Summary('List dead letters')
  @ApiPage(DeadLetterView)
  async list(
    @Context() context: CommandContext,
    @Param('id') destinationId: string,
    @Query() { limit, cursor, ...filter }: ListDeadLettersQuery,
  ) {
    await this.service.ask(DescribeDelivery, { destinationId }, context);
    return this.deadLetters.list(context, destinationId, filter, { limit, ...(cursor !== undefined && { cursor }) });
  }
}
