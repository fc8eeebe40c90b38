import type { Check, Findings, HostKey, OpenFields } from '@waybill/contracts';
import type { DomainEvent } from '@waybill/kernel';

/** An account is proven for who it is; a target, with its account, for the rights that delivery needs. */
export type Subject =
  | { readonly kind: 'account'; readonly accountId: string }
  | { readonly kind: 'target'; readonly accountId: string; readonly destinationId: string };

/** What is to be proven. The secret itself stays in the vault. */
export interface Claim {
  readonly subject: Subject;
  /** Destination type. */
  readonly type: string;
  readonly method: string;
  readonly authentication: OpenFields;
  readonly secretRef: string;
  /** What an earlier proof found, such as the pinned host key. */
  readonly findings: Findings;
  /** For a target only. */
  readonly target?: OpenFields;
  /** Whether a marked record is to be left in the stream or the hub. */
  readonly testRecord?: boolean;
}

interface Report {
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly checks: readonly Check[];
}
export type Passed = Report & { readonly findings: Findings };
export type Failed = Report & { readonly unconfirmedHostKey?: HostKey };

export type ValidationEvent =
  | DomainEvent<'ValidationRequested', Claim & { readonly validationId: string }>
  | DomainEvent<'CredentialsValidated', Passed>
  | DomainEvent<'CredentialsRejected', Failed>
  | DomainEvent<'TargetValidated', Passed>
  | DomainEvent<'TargetRejected', Failed>;
