/**
 * All that another service may read of audience's tables: views, since a million rows are no messages. A new shape is a new
 * view beside the old one (`v2`), which stays until nobody reads it.
 */
export const AUDIENCE_EXPORT_SCHEMA = 'audience_export';
export const AUDIENCE_EXPORT_VIEW = `${AUDIENCE_EXPORT_SCHEMA}.v1`;
/** What streams read: `AudienceChangeRow`, `AudienceMembershipRow`, `AudienceStreamRow`. */
export const AUDIENCE_CHANGES_VIEW = `${AUDIENCE_EXPORT_SCHEMA}.changes_v1`;
export const AUDIENCE_MEMBERSHIPS_VIEW = `${AUDIENCE_EXPORT_SCHEMA}.memberships_v1`;
export const AUDIENCE_STREAMS_VIEW = `${AUDIENCE_EXPORT_SCHEMA}.streams_v1`;
/** May select from the views, and nothing else. Readers take it with SET ROLE; where it could not be made they go without. */
export const AUDIENCE_EXPORT_ROLE = 'waybill_audience_export';

/**
 * A membership with its profile, as the view gives it. Read it by tenant, sandbox and segment, in the order of profile_id
 * (collation "C"): that is the order of an index.
 */
export interface AudienceExportRow {
  readonly tenant: string;
  readonly sandbox: string;
  readonly segment_id: string;
  readonly profile_id: string;
  readonly status: 'realized' | 'exited';
  /** timestamptz: when the status came about. */
  readonly since: Date;
  /** bigint: the change that brought the status. Changes up to the watermark (`WatermarkNow`) are all committed. */
  readonly change: number;
  /** jsonb: lists of ids by namespace. */
  readonly identities: Readonly<Record<string, readonly string[]>>;
  /** jsonb: an object. */
  readonly attributes: Readonly<Record<string, unknown>>;
  /** timestamptz: when an identity last came in or changed. */
  readonly identified_at: Date;
}

/**
 * What one transaction changed of one profile, with the profile as it is by now. Kept for those who are, or just were, in a
 * segment that a stream has active, and for some days. Read it by tenant and sandbox in the order of change and profile_id:
 * that is the order of an index, and up to the watermark nothing is missing.
 */
export interface AudienceChangeRow {
  readonly tenant: string;
  readonly sandbox: string;
  /** bigint. */
  readonly change: number;
  readonly profile_id: string;
  /** timestamptz: of the transaction. */
  readonly at: Date;
  /** jsonb: the statuses that changed, by segment; `since` is RFC 3339, UTC. */
  readonly memberships: Readonly<Record<string, { readonly status: 'realized' | 'exited'; readonly since: string }>>;
  readonly identities_changed: boolean;
  /** text[]: the names of the attributes that came in, with whatever value. */
  readonly attributes_written: readonly string[];
  /** text[]: those of them whose value is another one now. */
  readonly attributes_changed: readonly string[];
  /** jsonb, as in the export. */
  readonly identities: Readonly<Record<string, readonly string[]>>;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** A membership alone; read it by tenant, sandbox, segment and profile. */
export type AudienceMembershipRow = Omit<AudienceExportRow, 'identities' | 'attributes' | 'identified_at'>;

/** A segment that is active on a stream, as audience heard of it. */
export interface AudienceStreamRow {
  readonly tenant: string;
  readonly sandbox: string;
  /** uuid. */
  readonly destination_id: string;
  readonly segment_id: string;
  /** timestamptz: tells one activation of the segment from the next. */
  readonly activated_at: Date;
  /** bigint: changes after it are recorded; what came before is in the memberships as they stand. */
  readonly since: number;
  /** bigint: the last change of the sandbox. */
  readonly watermark: number;
  /** bigint: changes up to it are kept no longer. */
  readonly forgotten: number;
}
