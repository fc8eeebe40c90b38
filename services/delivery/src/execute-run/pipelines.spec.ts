import { AT_ONCE, Pipelines } from './pipelines.js';

/** Of runs, so many files that are written until they are told to end. */
const begin = (pipelines: Pipelines, files: number) => {
  const { promise, resolve: end } = Promise.withResolvers<void>();
  const done = Promise.all(Array.from({ length: files }, () => pipelines.use(() => promise)));
  return { end, done };
};
const partsTaken = (pipelines: Pipelines): readonly (() => void)[] =>
  Array.from({ length: 10 }, () => pipelines.takeForPart()).filter((release) => release !== undefined);

describe('the files that a process writes at once', () => {
  it.each([
    [0, 2],
    [AT_ONCE - 2, 2],
    [AT_ONCE - 1, 1],
    [AT_ONCE, 0],
  ])('are, with %d of runs, %d of parts', (files, parts) => {
    const pipelines = new Pipelines();
    const { end } = begin(pipelines, files);
    expect(partsTaken(pipelines)).toHaveLength(parts);
    end();
  });

  it('are never waited for by runs', async () => {
    const pipelines = new Pipelines();
    partsTaken(pipelines);
    expect(
      await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => pipelines.use(() => Promise.resolve(n)))),
    ).toEqual([0, 1, 2, 3]);
  });

  it('are given back, also by what fails', async () => {
    const pipelines = new Pipelines();
    const { end, done } = begin(pipelines, AT_ONCE - 1);
    await expect(pipelines.use(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    const [release] = partsTaken(pipelines);
    expect(partsTaken(pipelines)).toEqual([]);
    release?.();
    end();
    await done;
    expect(partsTaken(pipelines)).toHaveLength(2);
  });
});
