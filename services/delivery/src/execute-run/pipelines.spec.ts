import { AT_ONCE, Pipelines } from './pipelines.js';

const never = new AbortController().signal;

/** Work that goes on until it is told to end. */
const begun = (pipelines: Pipelines, signal = never) => {
  const { promise, resolve: end } = Promise.withResolvers<void>();
  let isRunning = false;
  const done = pipelines.use(signal, () => {
    isRunning = true;
    return promise;
  });
  return { done, end, isRunning: () => isRunning };
};

describe('the files that a process writes at once', () => {
  it('are so many and no more, and who waits longest comes next', async () => {
    const pipelines = new Pipelines();
    const works = Array.from({ length: AT_ONCE + 2 }, () => begun(pipelines));
    await Promise.resolve();
    expect(works.filter((work) => work.isRunning())).toHaveLength(AT_ONCE);
    works[0]!.end();
    await works[0]!.done;
    expect(works.map((work) => work.isRunning()).lastIndexOf(true)).toBe(AT_ONCE);
    works.forEach(({ end }) => end());
    await Promise.all(works.map(({ done }) => done));
    expect(Array.from({ length: AT_ONCE }, () => pipelines.takeForPart()).filter(Boolean)).toHaveLength(AT_ONCE - 1);
  });

  it('leave one free for a run when they are parts, but for the first part', async () => {
    const pipelines = new Pipelines();
    const runs = Array.from({ length: AT_ONCE - 1 }, () => begun(pipelines));
    const release = pipelines.takeForPart();
    expect(release).toBeDefined();
    expect(pipelines.takeForPart()).toBeUndefined();
    release?.();
    runs.forEach(({ end }) => end());
    await Promise.all(runs.map(({ done }) => done));

    const parts = Array.from({ length: AT_ONCE }, () => pipelines.takeForPart());
    expect(parts.filter(Boolean)).toHaveLength(AT_ONCE - 1);
    const run = begun(pipelines);
    await Promise.resolve();
    expect(run.isRunning()).toBe(true);
  });

  it('are given back also by what fails, and not waited for by what is aborted', async () => {
    const pipelines = new Pipelines();
    const works = Array.from({ length: AT_ONCE }, () => begun(pipelines));
    const abort = new AbortController();
    const waiting = begun(pipelines, abort.signal);
    abort.abort(new Error('cancelled'));
    await expect(waiting.done).rejects.toThrow('cancelled');
    works.forEach(({ end }) => end());
    await Promise.all(works.map(({ done }) => done));
    await expect(pipelines.use(never, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(waiting.isRunning()).toBe(false);
    expect(Array.from({ length: AT_ONCE }, () => begun(pipelines)).map(({ isRunning }) => isRunning())).toEqual(
      Array.from({ length: AT_ONCE }, () => true),
    );
  });
});
