import { Inject, Injectable } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { type CommandContext, type Scope, WaybillError } from '@waybill/kernel';
import { type Executed, type Loaded, Outcome, SERVICE, type Service } from '@waybill/service-kit';
import {
  CORE_MARKETING_ACTIONS,
  type MarketingAction,
  type MarketingActionCommand,
  type MarketingActionState,
} from '../marketing-action/index.js';
import { marketingActionStream, marketingActionStreamOf } from '../stream.js';

export class MarketingActionView implements MarketingAction {
  @ApiProperty() name!: string;
  @ApiProperty() friendlyName!: string;
  @ApiProperty() description!: string;
  @ApiProperty({ description: 'Given to everybody; cannot be changed.' }) core!: boolean;
}

export const marketingActionNotFound = (name: string): WaybillError =>
  new WaybillError('marketing-action-not-found', 'not-found', `There is no marketing action "${name}".`);

/** The marketing actions of a tenant as the slices use them. */
@Injectable()
export class MarketingActions {
  constructor(@Inject(SERVICE) private readonly service: Service) {}

  load(scope: Scope, name: string): Promise<Loaded<MarketingActionState>> {
    return this.service.load(marketingActionStream, marketingActionStreamOf(scope, name), scope);
  }

  execute(command: MarketingActionCommand, context: CommandContext): Promise<Executed<MarketingActionState>> {
    return this.service.execute(
      marketingActionStream,
      marketingActionStreamOf(context, command.name),
      command,
      context,
    );
  }

  settled(scope: Scope, name: string, isSettled: (state: MarketingActionState) => boolean, waitMs: number) {
    return this.service.settled(marketingActionStream, marketingActionStreamOf(scope, name), scope, isSettled, waitMs);
  }

  async find(scope: Scope, name: string): Promise<MarketingActionView> {
    const core = CORE_MARKETING_ACTIONS.find((action) => action.name === name);
    if (core) return { ...core, core: true };
    const { state } = await this.load(scope, name);
    if (state.status === 'none' || state.action.name !== name) throw marketingActionNotFound(name);
    return { ...state.action, core: false };
  }
}

/** What a command that changed an action answers. */
export const answerOf = ({ state, revision, position }: Executed<MarketingActionState>, status = 200): Outcome => {
  const { action } = state as Extract<MarketingActionState, { action: MarketingAction }>;
  return new Outcome(
    { ...action, core: false },
    { status, revision, position, ...(status === 201 ? { location: `/v1/marketing-actions/${action.name}` } : {}) },
  );
};
