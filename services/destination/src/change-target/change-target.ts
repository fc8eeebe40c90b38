import { Body, Inject, Param, Put } from '@nestjs/common';
import { Command, CommandBus, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiOkResponse } from '@nestjs/swagger';
import { parseForm } from '@waybill/forms';
import { type CommandContext, idFrom } from '@waybill/kernel';
import { Context, Example, Outcome, PreferWait, ServiceController, Summary } from '@waybill/service-kit';
import { IsObject } from 'class-validator';
import { specOf } from '../create-destination/create-destination.js';
import { checkRevision } from '../check-revision.js';
import { DestinationView, ProvingView } from '../view/destination.view.js';
import { Destinations } from '../view/destinations.js';

export class ChangeTarget extends Command<{ requestId: string }> {
  constructor(
    readonly context: CommandContext,
    readonly destinationId: string,
    readonly target: Readonly<Record<string, unknown>>,
  ) {
    super();
  }
}

@CommandHandler(ChangeTarget)
export class ChangeTargetHandler implements ICommandHandler<ChangeTarget> {
  constructor(@Inject(Destinations) private readonly destinations: Destinations) {}

  async execute({ context, destinationId, target: given }: ChangeTarget) {
    const { state, revision } = await this.destinations.existing(context, destinationId);
    checkRevision(context, revision);
    const target = { ...parseForm(specOf(state.type).target.form, given, 'target') };
    const requestId = idFrom('destination-request', context.commandId);
    const change = { kind: 'target', type: state.type, target } as const;
    await this.destinations.request({ requestId, destinationId, accountId: state.accountId, change }, context);
    return { requestId };
  }
}

@Example({ target: { folder: 'incoming' } })
export class TargetForm {
  /** The fields of the type's target form. */
  @IsObject()
  target!: Record<string, unknown>;
}

@ServiceController('v1/destinations/:id/target', 'destinations')
export class ChangeTargetRoute {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(Destinations) private readonly destinations: Destinations,
  ) {}

  /** Moves the destination to another target, once that one is proven; runs that are planned from then on go there. */
  @Put()
  @Summary('Change the target')
  @ApiOkResponse({ type: DestinationView })
  @ApiAcceptedResponse({ type: ProvingView })
  async change(
    @Context() context: CommandContext,
    @PreferWait() waitMs: number,
    @Param('id') id: string,
    @Body() { target }: TargetForm,
  ) {
    const { requestId } = await this.commands.execute(new ChangeTarget(context, id, target));
    const ended = await this.destinations.requestEnded(context, requestId, waitMs);
    if (!ended) return new Outcome({ id, status: 'proving' }, { status: 202, location: `/v1/destinations/${id}` });
    return this.destinations.answer(context, id);
  }
}
