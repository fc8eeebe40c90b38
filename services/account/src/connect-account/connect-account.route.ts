import { Body, Inject, Post } from '@nestjs/common';
import { CommandBus } from '@nestjs/cqrs';
import { ApiAcceptedResponse, ApiCreatedResponse } from '@nestjs/swagger';
import type { CommandContext } from '@waybill/kernel';
import { Context, Example, Outcome, PreferWait, ServiceController, Summary } from '@waybill/service-kit';
import { IsDisplayName } from '@waybill/forms';
import { IsObject, IsOptional, IsString, MaxLength } from 'class-validator';
import { recipientKey } from '../encryption-key/recipient-key.js';
import { parseAuthentication, specOf } from '../parse-authentication.js';
import { AccountView, UnderWayView } from '../view/account.view.js';
import { Accounts } from '../view/accounts.js';
import { credentialsRejected } from '../credentials-rejected.js';
import { ConnectAccount } from './connect-account.js';

@Example({
  type: 'sftp',
  name: 'Partner inbox',
  authentication: {
    ...{ method: 'password', host: 'sftp.partner.example', port: 22, username: 'acme', password: 'secret' },
    hostKey: 'SHA256:…, as the first answer shows it',
  },
})
export class ConnectAccountForm {
  /** One of the catalog. */
  @IsString()
  type!: string;

  @IsDisplayName()
  name!: string;

  /** `method` and the fields of its form (`GET /v1/catalog/{type}`). */
  @IsObject()
  authentication!: Record<string, unknown>;

  /** The receiver's OpenPGP public key, ASCII-armored or Base64. */
  @IsOptional()
  @IsString()
  @MaxLength(256 * 1024)
  encryptionKey?: string;
}

@ServiceController('v1/accounts', 'accounts')
export class ConnectAccountRoute {
  constructor(
    @Inject(CommandBus) private readonly commands: CommandBus,
    @Inject(Accounts) private readonly accounts: Accounts,
  ) {}

  /** Connects an account after its credentials were proven live; a wrong one is the answer to this very request. */
  @Post()
  @Summary('Connect an account')
  @ApiCreatedResponse({ type: AccountView })
  @ApiAcceptedResponse({ type: UnderWayView })
  async connect(@Context() context: CommandContext, @PreferWait() waitMs: number, @Body() form: ConnectAccountForm) {
    const authentication = parseAuthentication(specOf(form.type), form.authentication);
    const encryptionKey = form.encryptionKey === undefined ? null : await recipientKey(form.encryptionKey);
    const { accountId } = await this.commands.execute(
      new ConnectAccount(context, { type: form.type, name: form.name, authentication, encryptionKey }),
    );
    const settled = await this.accounts.settled(context, accountId, ({ status }) => status !== 'connecting', waitMs);
    if (!settled)
      return new Outcome(
        { id: accountId, status: 'connecting' },
        { status: 202, location: `/v1/accounts/${accountId}` },
      );
    if (settled.state.status === 'rejected') throw credentialsRejected(settled.state);
    return this.accounts.answer(context, accountId, 201);
  }
}
