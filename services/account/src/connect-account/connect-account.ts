import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type CommandContext, idFrom, WaybillError } from '@waybill/kernel';
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

/** The problem that a failed proof is to the caller. */
export const credentialsRejected = (rejection: {
  readonly checks: readonly { readonly outcome: string; readonly message: string; readonly remedy: string }[];
  readonly unconfirmedHostKey?: { readonly fingerprint: string; readonly algorithm: string };
}): WaybillError => {
  const { checks, unconfirmedHostKey } = rejection;
  if (unconfirmedHostKey) {
    const { fingerprint, algorithm } = unconfirmedHostKey;
    return new WaybillError(
      'host-key-unconfirmed',
      'refused',
      `The server shows the ${algorithm} key ${fingerprint}. Compare it with what your partner told you, and connect again with it as hostKey.`,
      { checks, extra: { hostKey: unconfirmedHostKey } },
    );
  }
  const failed = checks.find(({ outcome }) => outcome === 'failed');
  const detail = failed ? `${failed.message} ${failed.remedy}`.trim() : 'The credentials could not be proven.';
  return new WaybillError('credentials-rejected', 'refused', detail, { checks });
};
