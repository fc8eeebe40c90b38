import { Body, Inject, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiCreatedResponse } from '@nestjs/swagger';
import { IsDisplayName } from '@waybill/forms';
import type { CommandContext } from '@waybill/kernel';
import { Context, Example, ServiceController, Summary } from '@waybill/service-kit';
import { IsOptional, IsString, Matches, MaxLength } from 'class-validator';
import { answerOf, MarketingActionView } from '../list-marketing-actions/marketing-actions.js';
import { DefineMarketingAction } from './define-marketing-action.js';

@Example({ name: 'winBack', friendlyName: 'Win back', description: 'Reaches customers who left' })
export class DefineMarketingActionForm {
  /** Stands in paths and manifests: letters, digits, dashes and underscores. */
  @Matches(/^[A-Za-z][A-Za-z0-9_-]{0,99}$/, {
    message: 'must be 1 to 100 letters, digits, dashes or underscores, starting with a letter',
  })
  name!: string;

  @IsOptional()
  @IsDisplayName()
  friendlyName?: string;

  @IsOptional()
  @IsString()
  @MaxLength(2000)
  description?: string;
}

@ServiceController('v1/marketing-actions', 'marketing actions')
export class DefineMarketingActionRoute {
  constructor(@Inject(CommandBus) private readonly commands: CommandBus) {}

  /** Adds a marketing action of the tenant's own. */
  @Post()
  @Summary('Define a marketing action')
  @ApiCreatedResponse({ type: MarketingActionView })
  async define(
    @Context() context: CommandContext,
    @Body() { name, friendlyName = name, description = '' }: DefineMarketingActionForm,
  ) {
    return answerOf(
      await this.commands.execute(new DefineMarketingAction(context, { name, friendlyName, description })),
      201,
    );
  }
}
