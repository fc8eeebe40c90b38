import type { Check, Findings, HostKey, OpenFields } from '@waybill/contracts';
import type { DomainEvent } from '@waybill/kernel';

/** Of one method of the type; the secret fields are in the vault, under `secretRef`. */
export interface Credentials {
  readonly method: string;
  readonly authentication: OpenFields;
  readonly secretRef: string;
  /** Tells two secrets apart and says nothing else about them. */
  readonly credentialsFingerprint: string;
  /** Host and port, endpoint or region, for people: `sftp.partner.example:22`. */
  readonly address: string;
}

/** The receiver's public OpenPGP key, checked and found fit to encrypt with. */
export interface EncryptionKey {
  readonly armored: string;
  readonly fingerprint: string;
  readonly algorithm: string;
  readonly bits: number | null;
  readonly userIds: readonly string[];
  readonly expiresAt: string | null;
}

interface Failure {
  readonly validationId: string;
  readonly checks: readonly Check[];
  /** Only this stood in the way: the SFTP server showed a key that nobody has confirmed. */
  readonly unconfirmedHostKey?: HostKey;
}

/** What these name is of no more use: shred it. */
interface Retiring {
  readonly retiredSecretRefs: readonly string[];
}

/** A destination that uses the account, or would if its request were accepted. */
export interface Use {
  readonly destinationId: string;
  readonly name: string;
}

export type AccountEvent =
  | DomainEvent<
      'AccountConnectionRequested',
      Credentials & {
        readonly accountId: string;
        readonly validationId: string;
        readonly type: string;
        readonly name: string;
        readonly encryptionKey: EncryptionKey | null;
      }
    >
  | DomainEvent<
      'AccountConnected',
      { readonly validationId: string; readonly findings: Findings; readonly checks: readonly Check[] }
    >
  | DomainEvent<'AccountConnectionRejected', Failure & Retiring>
  | DomainEvent<'AccountRenamed', { readonly name: string }>
  | DomainEvent<
      'CredentialsRotationRequested',
      Credentials & {
        readonly validationId: string;
        /** Known of the same address, so that a pinned host key stays pinned. */
        readonly findings: Findings;
      }
    >
  | DomainEvent<
      'CredentialsRotated',
      Credentials &
        Retiring & { readonly validationId: string; readonly findings: Findings; readonly checks: readonly Check[] }
    >
  | DomainEvent<'CredentialsRotationRejected', Failure & Retiring>
  | DomainEvent<'EncryptionKeyAttached', { readonly encryptionKey: EncryptionKey; readonly replaced: string | null }>
  | DomainEvent<'EncryptionKeyRemoved', { readonly fingerprint: string }>
  | DomainEvent<'AccountDisconnectionRequested', object>
  | DomainEvent<'AccountDisconnectionRefused', { readonly uses: readonly Use[] }>
  | DomainEvent<'AccountDisconnected', Retiring>;
