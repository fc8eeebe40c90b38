import type { ProposedEvent, StoredEvent, StoredStream } from './stored.js';

/** What a writer says the stream's last revision is. */
export type Expected = 'any' | 'no-stream' | 'stream-exists' | bigint;

export type CommitDecision =
  | { readonly decision: 'write'; readonly reopens: boolean }
  /** The same events were stored before, where this writer wants them. */
  | { readonly decision: 'repeat'; readonly last: StoredEvent }
  /** `current` is undefined where there is no stream. */
  | { readonly decision: 'conflict'; readonly current: bigint | undefined }
  | { readonly decision: 'deleted' };

export interface Commit {
  readonly stream: StoredStream | undefined;
  readonly softlyDeleted: boolean;
  readonly expected: Expected;
  readonly proposed: readonly ProposedEvent[];
  /** The event of this stream that has the id. */
  readonly storedAs: (id: string) => StoredEvent | undefined;
}

/** Whether an append is taken: the server's rules, its idempotency among them. */
export const checkCommit = (commit: Commit): CommitDecision => {
  const { stream, softlyDeleted, expected } = commit;
  const count = stream?.events.length ?? 0;
  const conflict: CommitDecision = { decision: 'conflict', current: count === 0 ? undefined : BigInt(count - 1) };

  if (stream?.tombstone) return { decision: 'deleted' };
  if (expected === 'stream-exists') {
    if (softlyDeleted) return { decision: 'deleted' };
    if (count === 0) return conflict;
  }
  if (typeof expected === 'string' && expected !== 'no-stream') {
    return repeatAnywhere(commit) ?? { decision: 'write', reopens: softlyDeleted };
  }
  const next = expected === 'no-stream' ? 0n : expected + 1n;
  if (next === BigInt(count)) return { decision: 'write', reopens: softlyDeleted };
  if (next > BigInt(count)) return conflict;
  const repeat = repeatAt(Number(next), commit);
  if (repeat) return repeat;
  return expected === 'no-stream' && softlyDeleted ? { decision: 'write', reopens: true } : conflict;
};

/** A writer that expects nothing may have written them anywhere. */
const repeatAnywhere = ({ proposed, storedAs }: Commit): CommitDecision | undefined => {
  const earlier = proposed.map(({ id }) => storedAs(id));
  const last = earlier.at(-1);
  return last && !earlier.includes(undefined) ? { decision: 'repeat', last } : undefined;
};

const repeatAt = (revision: number, { stream, proposed }: Commit): CommitDecision | undefined => {
  const earlier = stream?.events.slice(revision, revision + proposed.length) ?? [];
  const last = earlier.at(-1);
  const same = earlier.length === proposed.length && earlier.every(({ id }, index) => id === proposed[index]?.id);
  return last && same ? { decision: 'repeat', last } : undefined;
};
