/** What went wrong, in terms of the domain. One place per transport turns kinds into codes (HTTP: service-kit). */
export type ErrorKind =
  | 'malformed' // cannot be understood: 400
  | 'unauthenticated' // 401
  | 'forbidden' // 403
  | 'not-found' // 404
  | 'conflict' // with the state of the thing: 409
  | 'version-conflict' // the caller saw an older revision: 412
  | 'too-large' // 413
  | 'unsupported-type' // 415
  | 'refused' // by a rule, or by the partner's system: 422
  | 'too-many' // 429
  | 'unavailable' // try again: 503
  | 'internal'; // a defect of ours: 500

export interface FieldError {
  /** Dotted path into the input, `authentication.port`. */
  readonly path: string;
  readonly message: string;
}

export interface ErrorDetails {
  readonly fields?: readonly FieldError[];
  /** Failed and passed checks of a proof (libs/connectors). */
  readonly checks?: readonly object[];
  readonly retryAfterSeconds?: number;
  /** Further members of the problem document; never a secret. */
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/**
 * Every expected failure. `slug` is stable and names the problem type (`/problems/<slug>`); `message` is one plain
 * sentence or two for a person: what is wrong and how to mend it. Never a secret.
 */
export class WaybillError extends Error {
  readonly fields: readonly FieldError[] | undefined;
  readonly checks: readonly object[] | undefined;
  readonly retryAfterSeconds: number | undefined;
  readonly extra: Readonly<Record<string, unknown>> | undefined;

  constructor(
    readonly slug: string,
    readonly kind: ErrorKind,
    detail: string,
    details: ErrorDetails = {},
  ) {
    super(detail, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'WaybillError';
    this.fields = details.fields;
    this.checks = details.checks;
    this.retryAfterSeconds = details.retryAfterSeconds;
    this.extra = details.extra;
  }
}

export const isWaybillError = (error: unknown): error is WaybillError => error instanceof WaybillError;

/** The message of anything thrown, for logs and reasons. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
