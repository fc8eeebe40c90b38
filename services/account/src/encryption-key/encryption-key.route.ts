import { Body, Delete, Inject, Param, Put } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiOkResponse } from '@nestjs/swagger';
import type { CommandContext } from '@waybill/kernel';
import { Context, Example, ServiceController, Summary } from '@waybill/service-kit';
import { IsString, MaxLength } from 'class-validator';
import { AccountView } from '../view/account.view.js';
import { Accounts } from '../view/accounts.js';
import { SetEncryptionKey } from './encryption-key.js';
import { recipientKey } from './recipient-key.js';

@Example({ encryptionKey: '-----BEGIN PGP PUBLIC KEY BLOCK-----\n…' })
export class EncryptionKeyForm {
  /** The receiver's OpenPGP public key, ASCII-armored or Base64. */
  @IsString()
  @MaxLength(256 * 1024)
  encryptionKey!: string;
}

@ServiceController('v1/accounts/:id/encryption-key', 'accounts')
export class EncryptionKeyRoute {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(Accounts) private readonly accounts: Accounts,
  ) {}

  /** Attaches a key, or replaces the one that is there; runs that are planned from now on use it. */
  @Put()
  @Summary('Attach or replace the encryption key')
  @ApiOkResponse({ type: AccountView })
  async put(@Context() context: CommandContext, @Param('id') id: string, @Body() { encryptionKey }: EncryptionKeyForm) {
    await this.commands.execute(new SetEncryptionKey(context, id, await recipientKey(encryptionKey)));
    return this.accounts.answer(context, id);
  }

  /** Files of runs that are planned from now on are not encrypted. */
  @Delete()
  @Summary('Remove the encryption key')
  @ApiOkResponse({ type: AccountView })
  async remove(@Context() context: CommandContext, @Param('id') id: string) {
    await this.commands.execute(new SetEncryptionKey(context, id, null));
    return this.accounts.answer(context, id);
  }
}
