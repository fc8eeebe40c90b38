import { Get, Inject, Param, Query } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import type { Database } from '@waybill/postgres';
import {
  ApiPage,
  type Caller,
  CurrentCaller,
  DATABASE,
  listStates,
  PageQuery,
  ServiceController,
  stateProjection,
  Summary,
} from '@waybill/service-kit';
import { CORE_MARKETING_ACTIONS, type MarketingAction, type MarketingActionState } from '../marketing-action/index.js';
import { marketingActionStream } from '../stream.js';
import { MarketingActions, MarketingActionView } from './marketing-actions.js';

export const marketingActionsProjection = stateProjection({
  name: 'marketing_actions',
  streamType: marketingActionStream,
});

type Known = Extract<MarketingActionState, { action: MarketingAction }>;

@ServiceController('v1/marketing-actions', 'marketing actions')
export class ListMarketingActionsRoute {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(MarketingActions) private readonly actions: MarketingActions,
  ) {}

  /** The core actions on the first page, then the tenant's own, newest first. */
  @Get()
  @Summary('List marketing actions')
  @ApiPage(MarketingActionView)
  async list(@CurrentCaller() caller: Caller, @Query() page: PageQuery) {
    const own = await listStates<Known>(this.database, 'marketing_actions', caller, page, {
      in: { status: ['defined', 'removing'] },
    });
    const core = page.cursor === undefined ? CORE_MARKETING_ACTIONS.map((action) => ({ ...action, core: true })) : [];
    return {
      items: [...core, ...own.items.map(({ state }) => ({ ...state.action, core: false }))],
      nextCursor: own.nextCursor,
    };
  }

  @Get(':name')
  @Summary('Show a marketing action')
  @ApiOkResponse({ type: MarketingActionView })
  get(@CurrentCaller() caller: Caller, @Param('name') name: string): Promise<MarketingActionView> {
    return this.actions.find(caller, name);
  }
}
