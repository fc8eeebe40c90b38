import { Get, Inject, Param, Query } from '@nestjs/common';
import { ApiOkResponse } from '@nestjs/swagger';
import type { Database } from '@waybill/postgres';
import {
  ApiPage,
  type Caller,
  CurrentCaller,
  DATABASE,
  listStates,
  Outcome,
  PageQuery,
  ServiceController,
  stateProjection,
  Summary,
} from '@waybill/service-kit';
import { IsOptional, IsString } from 'class-validator';
import type { AccountState, Standing } from '../account/index.js';
import { DestinationCounts } from '../count-destinations/destination-counts.js';
import { accountStream } from '../stream.js';
import { accountView, AccountView } from '../view/account.view.js';
import { Accounts } from '../view/accounts.js';

export const accountsProjection = stateProjection({ name: 'accounts', streamType: accountStream });

export class ListAccountsQuery extends PageQuery {
  /** A destination type of the catalog. */
  @IsOptional()
  @IsString()
  type?: string;

  /** Part of the name or of the address. */
  @IsOptional()
  @IsString()
  search?: string;
}

@ServiceController('v1/accounts', 'accounts')
export class ListAccountsRoute {
  constructor(
    @Inject(DATABASE) private readonly database: Database,
    @Inject(DestinationCounts) private readonly counts: DestinationCounts,
    @Inject(Accounts) private readonly accounts: Accounts,
  ) {}

  /** The accounts that can be used, newest first. */
  @Get()
  @Summary('List accounts')
  @ApiPage(AccountView)
  async list(@CurrentCaller() caller: Caller, @Query() { type, search, ...page }: ListAccountsQuery) {
    const found = await listStates<AccountState & Standing>(this.database, 'accounts', caller, page, {
      in: { status: ['connected', 'disconnecting'] },
      equals: { type },
      contains: { search, in: ['name', 'credentials.address'] },
    });
    const counts = await this.counts.of(
      caller,
      found.items.map(({ state }) => state.accountId),
    );
    return {
      items: found.items.map((row) => accountView(row.state, row, counts.get(row.state.accountId) ?? 0)),
      nextCursor: found.nextCursor,
    };
  }

  @Get(':id')
  @Summary('Show an account')
  @ApiOkResponse({ type: AccountView })
  async get(@CurrentCaller() caller: Caller, @Param('id') id: string) {
    const view = await this.accounts.look(caller, id);
    return new Outcome(view, 'revision' in view ? { revision: view.revision } : {});
  }
}
