import { Inject } from '@nestjs/common';
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs';
import { type CommandContext, idFrom } from '@waybill/kernel';
import type { Vault } from '@waybill/secrets';
import { VAULT } from '@waybill/service-kit';
import { CredentialFingerprints } from '../credential-fingerprints.js';
import { ExternalIds } from '../issue-external-id/external-ids.js';
import { parseAuthentication, specOf } from '../parse-authentication.js';
import { Accounts } from '../view/accounts.js';

export class RotateCredentials extends Command<{ validationId: string }> {
  constructor(
    readonly context: CommandContext,
    readonly accountId: string,
    readonly authentication: Readonly<Record<string, unknown>>,
  ) {
    super();
  }
}

/** Asks for new credentials; the old ones serve until the new ones are proven, and for good if they are not. */
@CommandHandler(RotateCredentials)
export class RotateCredentialsHandler implements ICommandHandler<RotateCredentials> {
  constructor(
    @Inject(Accounts) private readonly accounts: Accounts,
    @Inject(ExternalIds) private readonly externalIds: ExternalIds,
    @Inject(CredentialFingerprints) private readonly fingerprints: CredentialFingerprints,
    @Inject(VAULT) private readonly vault: Vault,
  ) {}

  async execute({ context, accountId, authentication: given }: RotateCredentials) {
    const { state } = await this.accounts.standing(context, accountId);
    const validationId = idFrom('validation', context.commandId);
    // The same command again: what became of it stands, and its secret may be shredded already.
    const known = [state.validationId, state.rotation?.validationId, state.lastRotation?.validationId];
    if (known.includes(validationId)) return { validationId };
    const parsed = parseAuthentication(specOf(state.type), given);
    const { method, authentication, secret, address } = parsed;
    await this.externalIds.check(context, authentication);
    const secretRef = `account/${accountId}/${context.commandId}`;
    await this.vault.put(context, secretRef, secret);
    try {
      await this.accounts.execute(
        accountId,
        {
          type: 'RequestCredentialsRotation',
          validationId,
          method,
          authentication,
          secretRef,
          credentialsFingerprint: await this.fingerprints.of(context, accountId, parsed),
          address,
        },
        context,
      );
    } catch (error) {
      // Refused: no event will ever name this secret. After an unknown outcome one may, so it stays then.
      if (isRefusal(error)) await this.vault.shred(context, secretRef);
      throw error;
    }
    return { validationId };
  }
}

const isRefusal = (error: unknown): boolean =>
  ['conflict', 'refused', 'not-found', 'version-conflict'].includes((error as { kind?: string }).kind ?? '');
