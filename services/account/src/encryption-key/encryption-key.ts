import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import type { CommandContext } from '@waybill/kernel';
import type { EncryptionKey } from '../account/index.js';
import { specOf } from '../parse-authentication.js';
import { Accounts } from '../view/accounts.js';

/** Attaches or replaces with a key, removes with null. */
export class SetEncryptionKey extends Command<void> {
  constructor(
    readonly context: CommandContext,
    readonly accountId: string,
    readonly encryptionKey: EncryptionKey | null,
  ) {
    super();
  }
}

@CommandHandler(SetEncryptionKey)
export class SetEncryptionKeyHandler implements ICommandHandler<SetEncryptionKey> {
  constructor(@Inject(Accounts) private readonly accounts: Accounts) {}

  async execute({ context, accountId, encryptionKey }: SetEncryptionKey): Promise<void> {
    const { state } = await this.accounts.standing(context, accountId);
    await this.accounts.execute(
      accountId,
      encryptionKey === null
        ? { type: 'RemoveEncryptionKey' }
        : { type: 'AttachEncryptionKey', encryptionKey, encryption: specOf(state.type).encryption },
      context,
    );
  }
}
