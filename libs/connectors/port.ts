import type { Scope } from '@waybill/kernel';
import type { FormClass } from '@waybill/forms';
import type { FolderSegment } from './folder.js';

export type DestinationTypeId = 'amazon-s3' | 'sftp' | 'amazon-kinesis' | 'azure-event-hubs';

export interface AuthenticationMethod {
  readonly method: string;
  readonly title: string;
  /** Validates the fields beside `method`; its `@Secret()` fields go to the vault. */
  readonly form: FormClass;
}

/** What the catalog shows of a destination type. Everything here is data of the connector's folder. */
export interface ConnectorSpec {
  readonly type: DestinationTypeId;
  readonly name: string;
  readonly description: string;
  readonly category: 'cloudStorage' | 'streaming';
  readonly delivers: 'files' | 'events';
  /** Whether an account may hold an OpenPGP key. */
  readonly encryption: boolean;
  readonly authentication: readonly AuthenticationMethod[];
  readonly target: { readonly form: FormClass };
  /** The host a tenant names, shown in lists: `sftp.partner.example:22`, the endpoint, the region. */
  addressOf(authentication: Readonly<Record<string, unknown>>): string;
  /**
   * Where a segment's files of a target go, macros expanded, without a trailing slash; '' for the login folder, '/' for
   * the root (join with `pathIn`). Without a segment: the folder above the macros. Files only.
   */
  folderOf?(target: Readonly<Record<string, unknown>>, segment?: FolderSegment): string;
}

/** What a proof or a sink works with. `authentication` holds public and secret fields together, in memory only. */
export interface Credentials {
  readonly scope: Scope;
  readonly accountId: string;
  readonly method: string;
  readonly authentication: Readonly<Record<string, unknown>>;
  /**
   * What the proof of the account found and the sink relies on, such as the pinned host key; for a sink with what the
   * proof of the target found merged over it, such as the checksum policy.
   */
  readonly findings: Findings;
}

/** Plain JSON, no secret: kept in the account's and the destination's events. */
export type Findings = Readonly<Record<string, string | number | boolean | null>>;

export interface Environment {
  /** Refuse loopback, private and link-local partner addresses, checked on the resolved address. */
  readonly allowPrivateNetworks: boolean;
  readonly signal: AbortSignal;
}

export type CheckCode =
  | 'ok'
  | 'bad-key' // unknown key id or user
  | 'bad-secret'
  | 'permission-denied'
  | 'not-found' // bucket, folder, stream, hub
  | 'wrong-region'
  | 'host-key-unknown'
  | 'host-key-changed'
  | 'unreachable'
  | 'address-refused' // private or loopback, and not allowed here
  | 'timed-out'
  | 'clock-skew'
  | 'not-supported' // the server lacks what we asked for
  | 'storage-full'
  | 'not-tried' // an earlier check failed, or it would leave something behind
  | 'unexpected';

export interface Check {
  readonly name: string;
  readonly outcome: 'passed' | 'failed' | 'skipped';
  /** What was called: `CreateMultipartUpload`, `SSH_FXP_RENAME`. */
  readonly call: string;
  /** On which resource: `s3://bucket/folder/…`, `sftp://host:22/folder`. */
  readonly resource: string;
  /** Ours (CheckCode), with the provider's own after a slash where there is one: `bad-secret/SignatureDoesNotMatch`. */
  readonly code: string;
  readonly message: string;
  /** How to mend it; empty when passed. */
  readonly remedy: string;
  readonly durationMs: number;
  /** A right that delivery can do without: failed does not fail the proof. */
  readonly optional?: boolean;
}

export interface Proof {
  /** `failed` when any check that is not optional failed. */
  readonly outcome: 'passed' | 'failed';
  readonly checks: readonly Check[];
  /** To be remembered with the account or the destination when the proof passed. */
  readonly findings: Findings;
  /** SFTP: the key the server showed, when none was pinned. The proof then stopped before any secret was sent. */
  readonly unconfirmedHostKey?: { readonly fingerprint: string; readonly algorithm: string };
}

/** A new destination type is one folder and one line in the registry. */
export interface Connector {
  readonly spec: ConnectorSpec;
  /** Reach, transport, identity: who the account is. Never rejects for what the partner does; that is a failed check. */
  proveCredentials(credentials: Credentials, environment: Environment): Promise<Proof>;
  /**
   * The very calls that delivery makes, inside the target, cleaned up. `testRecord`, which stays there, is put into a stream
   * or a hub in the check `write`; without it nothing is.
   */
  proveTarget(
    credentials: Credentials,
    target: Readonly<Record<string, unknown>>,
    environment: Environment,
    testRecord?: EventRecord,
  ): Promise<Proof>;
  openFileSink?(
    credentials: Credentials,
    target: Readonly<Record<string, unknown>>,
    environment: Environment,
  ): Promise<FileSink>;
  openEventSink?(
    credentials: Credentials,
    target: Readonly<Record<string, unknown>>,
    environment: Environment,
  ): Promise<EventSink>;
}

/** One event on its way to a stream or a hub. */
export interface EventRecord {
  /** The partition key: records of one key are to arrive in their order. 1 to 128 bytes of UTF-8. */
  readonly key: string;
  readonly data: Uint8Array;
  /** Beside the data where the provider has a place for it (Event Hubs: application properties). */
  readonly properties?: Readonly<Record<string, string>>;
}

export type EventOutcome =
  | {
      readonly sent: true;
      /** Where it landed, as the provider tells it: shard and sequence number. */ readonly at?: string;
    }
  | {
      readonly sent: false;
      /** The provider's own: `ProvisionedThroughputExceededException`, `ServerBusyError`. */
      readonly code: string;
      readonly message: string;
      /** `throttled`: worth another try, slower. `failed`: worth another try. `refused`: never to be accepted as it is. */
      readonly kind: 'throttled' | 'failed' | 'refused';
      /** How long the provider asks to wait. */
      readonly waitMs?: number;
    };

/** Records of one request, packed to the provider's limits, to the byte. */
export interface EventBatch {
  /** `full`: it goes into the next one. `too-large`: it fits into none, alone or not. */
  add(record: EventRecord): 'added' | 'full' | 'too-large';
  readonly records: number;
  readonly bytes: number;
  /**
   * One request, no retry of the SDK's own. Outcomes by position. Rejects when the signal aborts, and with an error that
   * concerns the whole destination (see `EventSink`).
   */
  send(signal: AbortSignal): Promise<readonly EventOutcome[]>;
}

/**
 * Sends events. Errors that concern the whole destination, not records, reject `openEventSink` and `send` as WaybillError:
 * `partner-permission-denied`, `partner-target-missing`, `partner-rejected` (refused), `partner-unavailable`,
 * `partner-timeout` (unavailable: worth a retry; whether the records landed is unknown then).
 */
export interface EventSink {
  /** Records of one bucket may share a batch, of two never: Event Hubs takes one partition key a batch; Kinesis has one bucket. */
  bucketOf(key: string): string;
  /** Whether a request lands whole or not at all, so that nothing in a batch overtakes what is to be tried again. If not, a batch may hold one record of a key only, since a later one may land while an earlier one fails. */
  readonly atomicBatches: boolean;
  /** The largest record, key and data (and what the provider counts beside them), in bytes. */
  readonly mostRecordBytes: number;
  openBatch(bucket: string): Promise<EventBatch>;
  close(): Promise<void>;
}

/** A file written in full under a name that nobody takes for finished. Plain JSON: it is recorded before publication. */
export interface StagedFile {
  /** The final path or key. */
  readonly path: string;
  readonly bytes: number;
  /** Of the bytes delivered, hex. */
  readonly sha256: string;
  /** The sink's own: temporary name, upload id, part tags. No secret. */
  readonly handle: Readonly<Record<string, unknown>>;
}

export interface PublishedFile {
  readonly path: string;
  readonly bytes: number;
  /** `settled`: the name already held exactly these bytes (an answer was lost, or a crash came between). */
  readonly outcome: 'published' | 'settled';
  /** Declared when the server could not do the strict way, such as `posix-rename` or `complete-without-condition`. */
  readonly fallback?: string;
}

/**
 * How sure we are of a published file: the server told a checksum of these bytes, told only their number, or does not let
 * us ask (a write-only account), so that its answer to the publication is all there is.
 */
export type Verification = 'checksum' | 'size' | 'unreadable';

/**
 * Writes files at the partner. One name, one content: a name that holds other bytes is `name-taken` (conflict).
 * Errors carry slugs `name-taken`, `staged-file-lost` (the partner deleted our temporary file; stage again),
 * `host-key-changed`, `partner-storage-full`, `partner-permission-denied`, `partner-rejected`, `verification-failed`
 * (what stands under the final name is missing or differs) (all refused), and `partner-unavailable`, `partner-timeout`
 * (unavailable: worth a retry). When the environment's signal aborts, a call in flight rejects with the signal's reason.
 */
export interface FileSink {
  /**
   * Streams `content` to the end under a temporary name, in bounded memory. `owner` (run, part, attempt) makes the temporary
   * name, so that one's own leftovers are known. On a failure nothing is left behind, as far as the partner lets us.
   */
  stage(
    path: string,
    content: AsyncIterable<Uint8Array>,
    options: { readonly owner: string; readonly onProgress?: (bytes: number) => void },
  ): Promise<StagedFile>;
  /** Gives the staged file its name, never replacing another; idempotent: called again after a lost answer it settles. */
  publish(staged: StagedFile): Promise<PublishedFile>;
  /** Asks the partner what stands under the final name, size and, where the server can tell, checksum; rejects when it is not this file. */
  verify(staged: StagedFile): Promise<Verification>;
  /** What stands at a path: null when nothing. */
  stat(path: string): Promise<{ readonly bytes: number } | null>;
  /** Removes a staged file that will not be published. */
  discard(staged: StagedFile): Promise<void>;
  /**
   * Removes what an owner left unpublished in a folder; answers how many. SFTP knows them by the owner in the temporary
   * name. S3 shows of an unfinished upload only its key, so there it is every upload on one of `paths`, the final paths of
   * the run's own plan.
   */
  sweep(folder: string, ownerPrefix: string, paths: readonly string[]): Promise<number>;
  close(): Promise<void>;
}
