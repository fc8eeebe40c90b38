import type { FilesOptions, Findings, OpenFields, Problem } from '@waybill/contracts';
import type { DomainEvent } from '@waybill/kernel';

/** What is wanted of the destination, and so what of others it would use. Targets are checked by their form before. */
export type Change =
  | {
      readonly kind: 'creation';
      readonly type: string;
      readonly delivers: 'files' | 'events';
      readonly name: string;
      readonly description: string;
      readonly marketingActions: readonly string[];
      readonly target: OpenFields;
      readonly files: FilesOptions | null;
    }
  | { readonly kind: 'target'; readonly type: string; readonly target: OpenFields }
  | { readonly kind: 'marketing-actions'; readonly marketingActions: readonly string[] };

/** What the proof of the target works with; the secret itself stays in the vault. */
export interface AccountFacts {
  readonly method: string;
  readonly authentication: OpenFields;
  readonly secretRef: string;
  readonly findings: Findings;
}

export type DestinationRequestEvent =
  | DomainEvent<
      'DestinationRequestOpened',
      {
        readonly requestId: string;
        readonly destinationId: string;
        readonly accountId: string;
        readonly change: Change;
      }
    >
  | DomainEvent<'TargetProofRequested', AccountFacts & { readonly validationId: string }>
  | DomainEvent<'DestinationRequestAccepted', object>
  | DomainEvent<'DestinationRequestRejected', { readonly problem: Problem }>;
