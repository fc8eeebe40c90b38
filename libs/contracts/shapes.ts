import Type from 'typebox';
import type { Data } from './define.js';

export const Id = Type.String({ format: 'uuid' });
/** RFC 3339, UTC. */
export const Time = Type.String({ format: 'date-time' });
/** Of the stream that the message is about, from 0. Who keeps state of it ignores what is not newer. */
export const Revision = Type.Integer({ minimum: 0 });
export const Count = Type.Integer({ minimum: 0 });
export const Sha256 = Type.String({ pattern: '^[0-9a-f]{64}$' });
/** A client's own string. */
export const ClientId = Type.String({ minLength: 1, maxLength: 256 });
/** A readable name of ours: `amazon-s3`, `emailTargeting`. */
export const Name = Type.String({ minLength: 1, maxLength: 256 });
/** Stands for what the vault keeps; says nothing about it. */
export const SecretRef = Type.String({ minLength: 1 });
/** The change number up to which memberships were seen: decimal digits, ordered as a number. */
export const Watermark = Type.String({ pattern: '^[0-9]+$' });

/** Validated against the connector's form, without its secret fields. */
export const OpenFields = Type.Record(Type.String(), Type.Unknown());
export type OpenFields = Data<typeof OpenFields>;

/** What a proof found and a sink relies on, such as the pinned host key. Plain, and no secret. */
export const Findings = Type.Record(
  Type.String(),
  Type.Union([Type.String(), Type.Number(), Type.Boolean(), Type.Null()]),
);
export type Findings = Data<typeof Findings>;

/** One probed right, as libs/connectors reports it. */
export const Check = Type.Object({
  name: Type.String(),
  outcome: Type.Enum(['passed', 'failed', 'skipped']),
  call: Type.String(),
  resource: Type.String(),
  code: Type.String(),
  message: Type.String(),
  remedy: Type.String(),
  durationMs: Type.Number({ minimum: 0 }),
  optional: Type.Optional(Type.Boolean()),
});
export type Check = Data<typeof Check>;

/** The key an SFTP server showed when none was pinned. */
export const HostKey = Type.Object({ fingerprint: Type.String(), algorithm: Type.String() });
export type HostKey = Data<typeof HostKey>;

export const ExportMode = Type.Enum(['full', 'incremental']);
export type ExportMode = Data<typeof ExportMode>;

export const Frequency = Type.Enum([
  'once',
  'hourly',
  'every-3-hours',
  'every-6-hours',
  'every-8-hours',
  'every-12-hours',
  'daily',
  'weekly',
  'monthly',
]);
export type Frequency = Data<typeof Frequency>;

/** Its meaning is in schedule.ts. */
export const Schedule = Type.Object({
  mode: ExportMode,
  frequency: Frequency,
  /** `HH:mm`, on the clock of `timeZone`. */
  at: Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$' }),
  /** IANA name: `Europe/Berlin`. */
  timeZone: Type.String({ minLength: 1 }),
  /** `yyyy-MM-dd`, first and last day on which a slot may begin, both inclusive. */
  startDate: Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' }),
  endDate: Type.Optional(Type.String({ pattern: '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' })),
});
export type Schedule = Data<typeof Schedule>;

/** Its grammar and rules are in mapping.ts. */
export const MappingField = Type.Object({
  source: Type.String({ minLength: 1 }),
  target: Type.String({ minLength: 1 }),
  /** A profile without it is skipped, and counted. */
  required: Type.Boolean(),
  /** Part of the deduplication key. */
  key: Type.Boolean(),
});
export type MappingField = Data<typeof MappingField>;

/** Revision 0 is the mapping that every destination starts with. */
export const Mapping = Type.Object({
  revision: Revision,
  fields: Type.Array(MappingField),
  /** Left out for revision 0, and by older versions. */
  changedAt: Type.Optional(Time),
});
export type Mapping = Data<typeof Mapping>;

/** `none` for quote writes values bare. An escape equal to the quote doubles it (RFC 4180). */
export const CsvOptions = Type.Object({
  delimiter: Type.String({ minLength: 1, maxLength: 1 }),
  quote: Type.String({ maxLength: 1 }),
  escape: Type.String({ maxLength: 1 }),
  nullValue: Type.String(),
  emptyValue: Type.String(),
  injection: Type.Enum(['machine', 'spreadsheet-safe', 'reject']),
});
export type CsvOptions = Data<typeof CsvOptions>;

export const FilesOptions = Type.Object({
  /** JSON is one object a line. */
  format: Type.Enum(['csv', 'json']),
  compression: Type.Enum(['none', 'gzip']),
  /** Present for `csv` only. */
  csv: Type.Optional(CsvOptions),
  manifest: Type.Boolean(),
  maxRowsPerFile: Type.Integer({ minimum: 1 }),
});
export type FilesOptions = Data<typeof FilesOptions>;

export const DestinationStatus = Type.Enum(['enabled', 'disabled', 'deleted']);
export type DestinationStatus = Data<typeof DestinationStatus>;

/** Streams: changes taken up, records settled, left out with a reason, dead-lettered. */
export const RunCounts = Type.Object({ read: Count, written: Count, skipped: Count, failed: Count, exited: Count });
export type RunCounts = Data<typeof RunCounts>;

/** A segment switched on. No schedule: files go out when a run is asked for, streams are live either way. */
export const Activation = Type.Object({
  segmentId: ClientId,
  schedule: Type.Union([Schedule, Type.Null()]),
  /** Template of the file name without extension (file-name.ts). */
  fileName: Type.String(),
  activatedAt: Time,
});
export type Activation = Data<typeof Activation>;
