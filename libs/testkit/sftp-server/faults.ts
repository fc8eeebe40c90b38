/** A request that came in, and what it is about. */
export interface SftpRequest {
  readonly name: string;
  /** As the client named it; of an open file, the name it was opened by. */
  readonly path: string;
  /** Of a write. */
  readonly bytes: number;
}

/** What the server does instead of its work, or before. */
export type Reaction =
  | { readonly status: number; readonly message: string }
  | { readonly delayMs: number }
  | { readonly until: Promise<unknown> } // is settled: a test holds the request for as long as it likes
  | 'hang'
  | 'cut' // all connections
  | 'lose-answer'; // the connections are cut and the work is done all the same

/** What goes wrong; may be changed while the server runs. */
export interface Faults {
  /** The point at which the server falls silent: TCP is accepted, or keys are exchanged, or the user is let in. */
  hangAfter?: 'accept' | 'key-exchange' | 'sign-in';
  /** Whoever offers a secret is held until this resolves; it counts as offered at once. */
  signInAfter?: Promise<unknown>;
  onRequest?: (request: SftpRequest) => Reaction | undefined;
  /** A plain rename replaces what is there, as some servers do against the protocol. */
  renameReplaces?: boolean;
}

const FAILURE = 4;
const PERMISSION_DENIED = 3;
const UNSUPPORTED = 8;

type OnRequest = NonNullable<Faults['onRequest']>;

/** Names as in the protocol: `REMOVE`, `RENAME`, `OPEN` …; extended requests by their own, `posix-rename@openssh.com`. */
export const denying =
  (...names: readonly string[]): OnRequest =>
  ({ name }) =>
    names.includes(name) ? { status: PERMISSION_DENIED, message: 'Permission denied' } : undefined;

export const lacking =
  (...names: readonly string[]): OnRequest =>
  ({ name }) =>
    names.includes(name) ? { status: UNSUPPORTED, message: 'Operation unsupported' } : undefined;

export const hangingOn =
  (...names: readonly string[]): OnRequest =>
  ({ name }) =>
    names.includes(name) ? 'hang' : undefined;

export const slowBy =
  (delayMs: number): OnRequest =>
  () => ({ delayMs });

const onceWritten = (bytes: number, reaction: Reaction): OnRequest => {
  let written = 0;
  return (request) => {
    if (request.name !== 'WRITE') return undefined;
    written += request.bytes;
    return written > bytes ? reaction : undefined;
  };
};

export const fullAfter = (bytes: number): OnRequest =>
  onceWritten(bytes, { status: FAILURE, message: 'No space left on device' });

/** Once: the client may come back. */
const once = (onRequest: OnRequest): OnRequest => {
  let done = false;
  return (request) => {
    const reaction = done ? undefined : onRequest(request);
    done ||= reaction !== undefined;
    return reaction;
  };
};

export const cutAfter = (bytes: number): OnRequest => once(onceWritten(bytes, 'cut'));

export const losingAnswerOf = (name: string): OnRequest =>
  once((request) => (request.name === name ? 'lose-answer' : undefined));
