import type { Scope } from '@waybill/kernel';

/** Stands for a secret in events and messages. Says nothing about it. */
export type SecretRef = string;

/** What was put in, behind a door: it cannot be printed, serialised or compared by accident. */
export interface SealedSecret {
  /** The values, for the moment of use. Never keep, log or pass them on. */
  reveal(): Readonly<Record<string, string>>;
}

/**
 * Keeps secrets under envelope encryption (AES-256-GCM, a data key per secret wrapped by the master key, context bound as
 * additional data). Errors: `secret-not-found` (not-found: never was, shredded, or another tenant's), `secret-ref-taken`
 * (conflict: another secret was put under this reference), `vault-key-wrong` (internal: the master key is not the one that
 * wrapped it), `secret-damaged` (internal: what is stored was changed).
 */
export interface Vault {
  /** `ref` is chosen by the caller (derived from the command id), so that a retried command puts the same secret again. */
  put(scope: Scope, ref: SecretRef, secret: Readonly<Record<string, string>>): Promise<void>;
  get(scope: Scope, ref: SecretRef): Promise<SealedSecret>;
  /** Gone for good; shredding what is not there is no error. */
  shred(scope: Scope, ref: SecretRef): Promise<void>;
}
