import type { CommandContext } from '@waybill/kernel';
import type { Rejection } from './upload-reader.js';

export type LoadMode = 'merge' | 'replace';
/** For CSV the column that holds the profile id. */
export type LoadFormat = { readonly type: 'csv'; readonly identity: string } | { readonly type: 'ndjson' };

export interface LoadRequest {
  /** Whose data it is, and which command this is: the same one again gives the first result. */
  readonly context: CommandContext;
  readonly segmentId: string;
  readonly mode: LoadMode;
  readonly format: LoadFormat;
}

/** Counts are of lines; in `replace` mode `exited` also counts the members that the upload did not name. */
export interface LoadResult {
  readonly received: number;
  readonly accepted: number;
  readonly entered: number;
  readonly exited: number;
  readonly unchanged: number;
  readonly rejected: number;
  /** The first 100. */
  readonly rejections: readonly Rejection[];
  /** Of the upload, hex. */
  readonly sha256: string;
}
