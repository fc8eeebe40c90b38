/**
 * The one thing that another service may read of audience's tables: a view, since a million rows are no messages. A new
 * shape is a new view beside it (`v2`), and this one stays until nobody reads it.
 */
export const AUDIENCE_EXPORT_SCHEMA = 'audience_export';
export const AUDIENCE_EXPORT_VIEW = `${AUDIENCE_EXPORT_SCHEMA}.v1`;
/** May select from the view, and nothing else. Readers take it with SET ROLE; where it could not be made they go without. */
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
