import { Inject, Injectable } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { AccountDisconnectionRequested, ListUsesOfAccount, readMessage } from '@waybill/contracts';
import type { CommandContext } from '@waybill/kernel';
import type { ReceivedMessage } from '@waybill/messaging';
import { contextAfter, type Listener, SERVICE, type Service } from '@waybill/service-kit';
import { Accounts } from '../view/accounts.js';

export class DisconnectAccount extends Command<void> {
  constructor(
    readonly context: CommandContext,
    readonly accountId: string,
  ) {
    super();
  }
}

@CommandHandler(DisconnectAccount)
export class DisconnectAccountHandler implements ICommandHandler<DisconnectAccount> {
  constructor(@Inject(Accounts) private readonly accounts: Accounts) {}

  async execute({ context, accountId }: DisconnectAccount): Promise<void> {
    await this.accounts.execute(accountId, { type: 'RequestDisconnection' }, context);
  }
}

/** Asks who uses the account only after the request is on record: whoever begins to use it later is refused. */
@Injectable()
export class SettleDisconnection implements Listener {
  readonly listensTo = [AccountDisconnectionRequested.type];

  constructor(
    @Inject(Accounts) private readonly accounts: Accounts,
    @Inject(SERVICE) private readonly service: Service,
  ) {}

  async receive(message: ReceivedMessage): Promise<void> {
    const { accountId } = readMessage(AccountDisconnectionRequested, message.data);
    const { uses } = await this.service.ask(ListUsesOfAccount, { accountId }, message);
    await this.accounts.execute(accountId, { type: 'SettleDisconnection', uses }, contextAfter(message));
  }
}
