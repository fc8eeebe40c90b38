import { Body, Inject, Param, Patch } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOkResponse } from '@nestjs/swagger';
import { IsDisplayName } from '@waybill/forms';
import type { CommandContext } from '@waybill/kernel';
import { Context, Example, ServiceController, Summary } from '@waybill/service-kit';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { answerOf, MarketingActionView } from '../list-marketing-actions/marketing-actions.js';
import { ReviseMarketingAction } from './revise-marketing-action.js';

@Example({ friendlyName: 'Win back', description: 'Reaches customers who left' })
export class ReviseMarketingActionForm {
  @IsOptional()
  @IsDisplayName()
  friendlyName?: string;

  @IsOptional()
  @IsString()
  @MaxLength(2000)
  description?: string;
}

@ServiceController('v1/marketing-actions', 'marketing actions')
export class ReviseMarketingActionRoute {
  constructor(@Inject(CommandBus) private readonly commands: CommandBus) {}

  /** Changes what people read of an action; what is left out stays. Core ones cannot be changed. */
  @Patch(':name')
  @Summary('Revise a marketing action')
  @ApiOkResponse({ type: MarketingActionView })
  async revise(
    @Context() context: CommandContext,
    @Param('name') name: string,
    @Body() change: ReviseMarketingActionForm,
  ) {
    return answerOf(await this.commands.execute(new ReviseMarketingAction(context, name, change)));
  }
}
