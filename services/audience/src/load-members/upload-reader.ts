/** A line of an upload that can be merged. Identities and attributes are JSON objects as text. */
export interface Member {
  readonly line: number;
  readonly id: string;
  readonly status: 'realized' | 'exited';
  readonly identities: string;
  readonly attributes: string;
}

/** A line that cannot, and why: one sentence for the person who sent it. */
export interface Rejection {
  readonly line: number;
  readonly reason: string;
}

/**
 * Reads an upload as it comes, in bounded memory. Throws a WaybillError for what spoils the upload as a whole. Lines count
 * from 1, as an editor shows them; a member that spans lines has the number of its first.
 */
export interface UploadReader {
  read(chunk: Buffer): Iterable<Member | Rejection>;
  end(): Iterable<Member | Rejection>;
}

/** What one member may take in an upload; one that takes more is rejected. */
export const MAX_MEMBER_BYTES = 1024 * 1024;

export const TOO_LONG = `takes more than ${MAX_MEMBER_BYTES / 1024 / 1024} MiB`;
export const NOT_UTF8 = 'is not valid UTF-8';
export const HOLDS_NUL = 'holds a NUL character, which no text may';
