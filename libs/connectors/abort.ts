/** Settles as `work` does, or rejects with the signal's reason when it aborts first; the work itself goes on unheard. */
export const unlessAborted = async <T>(signal: AbortSignal, work: Promise<T>): Promise<T> => {
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason as Error);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort);
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    if (onAbort) signal.removeEventListener('abort', onAbort);
  }
};

/** The chunks of a source, until it ends or the signal aborts; a source that hangs is left, not waited for. */
export async function* untilAborted<T>(content: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const source = content[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const next = await unlessAborted(signal, source.next());
      ended = next.done ?? false;
      if (next.done) return;
      yield next.value;
    }
  } finally {
    if (!ended) source.return?.().catch(() => undefined);
  }
}

/** Aborts as `signal` does, so many milliseconds later: for what must not be cut short on the way, lest it be lost from sight. */
export const delayed = (signal: AbortSignal, milliseconds: number): AbortSignal => {
  const late = new AbortController();
  const abort = () => void setTimeout(() => late.abort(signal.reason), milliseconds).unref();
  if (signal.aborted) abort();
  else signal.addEventListener('abort', abort, { once: true });
  return late.signal;
};
