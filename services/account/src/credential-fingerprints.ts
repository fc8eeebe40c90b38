import { createHmac, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { canonicalJson, isWaybillError, type Scope } from '@waybill/kernel';
import type { Vault } from '@waybill/secrets';
import { VAULT } from '@waybill/service-kit';
import type { ParsedAuthentication } from './parse-authentication.js';

const KEY_REF = 'account/fingerprint-key';
const HEX_CHARACTERS = 32;

/**
 * Tells two credentials of an account apart and says nothing else about them. Keyed by a secret of the sandbox's own, since
 * fingerprints are shown: from a bare digest a weak password could be guessed.
 */
@Injectable()
export class CredentialFingerprints {
  constructor(@Inject(VAULT) private readonly vault: Vault) {}

  async of(scope: Scope, accountId: string, given: ParsedAuthentication): Promise<string> {
    const { method, authentication, secret } = given;
    return createHmac('sha256', await this.key(scope))
      .update(canonicalJson({ accountId, method, authentication, secret }))
      .digest('hex')
      .slice(0, HEX_CHARACTERS);
  }

  private async key({ tenant, sandbox }: Scope): Promise<string> {
    const scope = { tenant, sandbox };
    const kept = async () => (await this.vault.get(scope, KEY_REF)).reveal()['key'] ?? '';
    const unless = (slug: string) => (error: unknown) => {
      if (!isWaybillError(error) || error.slug !== slug) throw error;
      return undefined;
    };
    const known = await kept().catch(unless('secret-not-found'));
    if (known !== undefined) return known;
    // Whoever is first makes it; the others take theirs back.
    await this.vault.put(scope, KEY_REF, { key: randomBytes(32).toString('base64') }).catch(unless('secret-ref-taken'));
    return kept();
  }
}
