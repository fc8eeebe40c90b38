import type { ExportMode, FilesOptions, Mapping, OpenFields, Problem, RunCounts } from '@waybill/contracts';
import type { DomainEvent } from '@waybill/kernel';

export type Trigger = { readonly kind: 'schedule'; readonly slot: string } | { readonly kind: 'manual' };

/** Which credentials and key a run works with; the secrets themselves stay in the vault. */
export interface CredentialsInUse {
  readonly secretRef: string;
  readonly credentialsFingerprint: string;
  /** Null: files are not encrypted. */
  readonly keyFingerprint: string | null;
}

/** Settled once, before the first row is read: every attempt of the run keeps to it. */
export interface Plan {
  readonly plannedAt: string;
  readonly destination: { readonly id: string; readonly name: string; readonly type: string };
  readonly accountId: string;
  readonly segment: { readonly id: string; readonly name: string };
  readonly marketingActions: readonly string[];
  readonly target: OpenFields;
  readonly mapping: Mapping;
  readonly files: FilesOptions;
  /** Changes up to it are in this run, later ones in the next. */
  readonly watermark: string;
  /**
   * The completed run of this segment before this one: an incremental run goes on from its watermark. Null for the first, which
   * takes all members in either mode.
   */
  readonly previous: {
    readonly runId: string;
    readonly watermark: string;
    readonly manifest: { readonly name: string; readonly sha256: string } | null;
  } | null;
  /** Where the files go, macros expanded. */
  readonly folder: string;
  /** Without part, revision and extension. */
  readonly fileName: string;
  /** What the names begin with: 1, or more when earlier runs had the same name already. */
  readonly revision: number;
  readonly extension: string;
  /** Members of the segment at that time, for a progress bar. */
  readonly members: number;
}

/** As the sink put it aside under a name that nobody takes for finished. */
export interface Staged {
  /** The final path or key. */
  readonly path: string;
  readonly bytes: number;
  /** Of the bytes delivered. */
  readonly sha256: string;
  readonly handle: Readonly<Record<string, unknown>>;
}

export interface Published {
  /** `settled`: the name held exactly these bytes already, from an attempt whose answer was lost. */
  readonly outcome: 'published' | 'settled';
  /** Declared when the partner's system could not do it the strict way. */
  readonly fallback?: string;
}

export interface Tally {
  readonly counts: RunCounts;
  /** How many profiles were left out, by reason: `required:email`. */
  readonly skippedBecause: Readonly<Record<string, number>>;
}

export interface PartContent extends Tally, Staged {
  /** Data rows, without a header. */
  readonly rows: number;
  /** Of the plain content, before compression and encryption. */
  readonly contentSha256: string;
  readonly contentBytes: number;
  readonly keyFingerprint: string | null;
  /** Whether another part follows. Where it begins is no matter of events: a profile's id has no place in them. */
  readonly more: boolean;
}

/**
 * `name-taken`: other bytes stand under the final name. `staged-file-lost`: the partner removed our temporary file.
 * `verification-failed`: what stands under the final name is not what was published, or is gone; only when somebody retries
 * the run, since a partner that fetched the file would get it twice.
 */
export type AsideReason = 'name-taken' | 'staged-file-lost' | 'verification-failed';

/** What an attempt could not remove at the partner, and why, in words; left out when nothing is left. */
export interface Untidy {
  readonly leftBehind?: string;
}

interface OfAttempt {
  readonly attempt: number;
}
interface OfPart extends OfAttempt {
  /** From 1. */
  readonly part: number;
}

export type RunEvent =
  | DomainEvent<
      'RunRequested',
      {
        readonly runId: string;
        readonly destinationId: string;
        readonly segmentId: string;
        readonly mode: ExportMode;
        readonly trigger: Trigger;
        readonly requestedAt: string;
      }
    >
  | DomainEvent<'RunStarted', OfAttempt & { readonly worker: string; readonly startedAt: string }>
  | DomainEvent<'RunPlanned', OfAttempt & { readonly plan: Plan; readonly credentials: CredentialsInUse }>
  | DomainEvent<'RunCredentialsChanged', OfAttempt & { readonly credentials: CredentialsInUse }>
  | DomainEvent<'PartStaged', OfPart & PartContent>
  | DomainEvent<'PartPublished', OfPart & Published>
  | DomainEvent<'PartVerified', OfPart & { readonly verification: 'checksum' | 'size' | 'unreadable' }>
  | DomainEvent<'PartSetAside', OfPart & { readonly reason: AsideReason; readonly path: string }>
  | DomainEvent<'NothingToDeliver', OfAttempt & Tally>
  | DomainEvent<'ManifestStaged', OfAttempt & Staged>
  | DomainEvent<'ManifestPublished', OfAttempt & Published>
  | DomainEvent<
      'RunCompleted',
      OfAttempt &
        Tally & {
          readonly totals: Totals;
          readonly watermark: string;
          readonly finishedAt: string;
        }
    >
  | DomainEvent<'RunFailed', OfAttempt & Untidy & { readonly problem: Problem; readonly finishedAt: string }>
  | DomainEvent<'RunCancellationRequested', { readonly reason: string }>
  | DomainEvent<'RunCancelled', OfAttempt & Untidy & { readonly finishedAt: string }>
  | DomainEvent<'RunRetried', { readonly retriedAt: string }>;

export interface Totals {
  readonly files: number;
  readonly rows: number;
  readonly bytes: number;
  readonly contentBytes: number;
}
