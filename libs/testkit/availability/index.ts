/** A counterpart that a suite needs: there, or not to be had here and why. */
export type Availability<T> =
  { readonly available: true; readonly value: T } | { readonly available: false; readonly reason: string };

export const available = <T>(value: T): Availability<T> => ({ available: true, value });
export const unavailable = (reason: string): Availability<never> => ({ available: false, reason });

/** A suite on a counterpart; where it cannot be had, every test of it is counted as skipped and the name says why. */
export const describeWith = <T>(name: string, counterpart: Availability<T>, body: (value: () => T) => void): void => {
  if (counterpart.available) {
    describe(name, () => body(() => counterpart.value));
  } else {
    describe.skip(`${name} [could not run here: ${counterpart.reason}]`, () =>
      body(() => {
        throw new Error(counterpart.reason);
      }));
  }
};
