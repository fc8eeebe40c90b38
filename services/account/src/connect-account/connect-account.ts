import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type CommandContext, idFrom } from '@waybill/kernel';
import type { Vault } from '@waybill/secrets';
import { VAULT } from '@waybill/service-kit';
import type { EncryptionKey } from '../account/index.js';
import { CredentialFingerprints } from '../credential-fingerprints.js';
import { ExternalIds } from '../issue-external-id/external-ids.js';
import { type ParsedAuthentication, specOf } from '../parse-authentication.js';
import { Accounts } from '../view/accounts.js';

export class ConnectAccount extends Command<{ accountId: string }> {
  constructor(
    readonly context: CommandContext,
    readonly form: {
      readonly type: string;
      readonly name: string;
      readonly authentication: ParsedAuthentication;
      readonly encryptionKey: EncryptionKey | null;
    },
  ) {
    super();
  }
}

/** Puts the secret away and records the request; validation proves it, and the account is connected or rejected. */
@CommandHandler(ConnectAccount)
export class ConnectAccountHandler implements ICommandHandler<ConnectAccount> {
  constructor(
    @Inject(Accounts) private readonly accounts: Accounts,
    @Inject(ExternalIds) private readonly externalIds: ExternalIds,
    @Inject(CredentialFingerprints) private readonly fingerprints: CredentialFingerprints,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  async execute({ context, form }: ConnectAccount) {
    const { type, name, authentication, encryptionKey } = form;
    await this.externalIds.check(context, authentication.authentication);
    const accountId = idFrom('account', context.commandId);
    const secretRef = `account/${accountId}/${context.commandId}`;
    const { state } = await this.accounts.load(context, accountId);
    // The same command again: what became of the account stands, and its secret may be shredded already.
    if (state.status !== 'none') return { accountId };
    // Secret first, then event: an orphaned secret can be collected, a reference to nothing is an outage.
    await this.vault.put(context, secretRef, authentication.secret);
    await this.accounts.execute(
      accountId,
      {
        type: 'ConnectAccount',
        accountId,
        validationId: idFrom('validation', context.commandId),
        destinationType: type,
        name,
        encryptionKey,
        encryption: specOf(type).encryption,
        method: authentication.method,
        authentication: authentication.authentication,
        secretRef,
        credentialsFingerprint: await this.fingerprints.of(context, accountId, authentication),
        address: authentication.address,
      },
      context,
    );
    return { accountId };
  }
}
