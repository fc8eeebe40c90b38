export type Fault =
  /** An error instead of the work: 503 `SlowDown`, 412 `PreconditionFailed`, 507 … */
  | { readonly kind: 'answer'; readonly status: number; readonly code: string; readonly message?: string }
  /** The connection breaks after so many bytes of the request's body. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** The work is done, and the connection breaks before the answer. */
  | { readonly kind: 'lose-answer' }
  /** The work is done, the answer comes late. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The request is read and nothing ever comes back. */
  | { readonly kind: 'hang' }
  /** One bit of the body flips on the way in. */
  | { readonly kind: 'corrupt' };
