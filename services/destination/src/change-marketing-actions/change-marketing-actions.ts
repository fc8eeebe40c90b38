import { Body, Inject, Param, Put } from '@nestjs/common';
import { Command, CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ApiOkResponse } from '@nestjs/swagger';
import { type CommandContext, idFrom } from '@waybill/kernel';
import { Context, Example, Outcome, PreferWait, ServiceController, Summary } from '@waybill/service-kit';
import { IsArray, IsString } from 'class-validator';
import { checkRevision } from '../check-revision.js';
import { DestinationView } from '../view/destination.view.js';
import { Destinations } from '../view/destinations.js';

export class ChangeMarketingActions extends Command<{ requestId: string }> {
  constructor(
    readonly context: CommandContext,
    readonly destinationId: string,
    readonly marketingActions: readonly string[],
  ) {
    super();
  }
}

@CommandHandler(ChangeMarketingActions)
export class ChangeMarketingActionsHandler implements ICommandHandler<ChangeMarketingActions> {
  constructor(@Inject(Destinations) private readonly destinations: Destinations) {}

  async execute({ context, destinationId, marketingActions }: ChangeMarketingActions) {
    const { state, revision } = await this.destinations.existing(context, destinationId);
    checkRevision(context, revision);
    const requestId = idFrom('destination-request', context.commandId);
    const change = { kind: 'marketing-actions', marketingActions } as const;
    await this.destinations.request({ requestId, destinationId, accountId: state.accountId, change }, context);
    return { requestId };
  }
}

@Example({ marketingActions: ['emailTargeting'] })
export class MarketingActionsForm {
  /** Names of marketing actions; an empty list states none. */
  @IsArray()
  @IsString({ each: true })
  marketingActions!: string[];
}

@ServiceController('v1/destinations/:id/marketing-actions', 'destinations')
export class ChangeMarketingActionsRoute {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(Destinations) private readonly destinations: Destinations,
  ) {}

  /** States what the exports are for. */
  @Put()
  @Summary('Change the marketing actions')
  @ApiOkResponse({ type: DestinationView })
  async change(
    @Context() context: CommandContext,
    @PreferWait() waitMs: number,
    @Param('id') id: string,
    @Body() { marketingActions }: MarketingActionsForm,
  ) {
    const { requestId } = await this.commands.execute(new ChangeMarketingActions(context, id, marketingActions));
    const ended = await this.destinations.requestEnded(context, requestId, waitMs);
    if (!ended) return new Outcome({ id, status: 'checking' }, { status: 202, location: `/v1/destinations/${id}` });
    return this.destinations.answer(context, id);
  }
}
