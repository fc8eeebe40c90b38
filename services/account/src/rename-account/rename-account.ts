import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { CommandContext } from '@waybill/kernel';
import { Accounts } from '../view/accounts.js';

export class RenameAccount extends Command<void> {
  constructor(
    readonly context: CommandContext,
    readonly accountId: string,
    readonly name: string,
  ) {
    super();
  }
}

@CommandHandler(RenameAccount)
export class RenameAccountHandler implements ICommandHandler<RenameAccount> {
  constructor(@Inject(Accounts) private readonly accounts: Accounts) {}

  async execute({ context, accountId, name }: RenameAccount): Promise<void> {
    await this.accounts.execute(accountId, { type: 'RenameAccount', name }, context);
  }
}
