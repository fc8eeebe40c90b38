import { Body, Inject, Param, Patch } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOkResponse } from '@nestjs/swagger';
import { IsDisplayName } from '@waybill/forms';
import type { CommandContext } from '@waybill/kernel';
import { Context, Example, ServiceController, Summary } from '@waybill/service-kit';
import { AccountView } from '../view/account.view.js';
import { Accounts } from '../view/accounts.js';
import { RenameAccount } from './rename-account.js';

@Example({ name: 'Partner inbox' })
export class RenameAccountForm {
  @IsDisplayName()
  name!: string;
}

@ServiceController('v1/accounts', 'accounts')
export class RenameAccountRoute {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(Accounts) private readonly accounts: Accounts,
  ) {}

  /** Gives an account another name. */
  @Patch(':id')
  @Summary('Rename an account')
  @ApiOkResponse({ type: AccountView })
  async rename(@Context() context: CommandContext, @Param('id') id: string, @Body() { name }: RenameAccountForm) {
    await this.commands.execute(new RenameAccount(context, id, name));
    return this.accounts.answer(context, id);
  }
}
