/** Wakes one waiting loop; rung while nobody waits, it is heard by the next wait. */
export interface Bell {
  readonly ring: () => void;
  wait(ms: number): Promise<void>;
}

export const createBell = (): Bell => {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring: () => {
      rung = true;
      wake?.();
    },
    wait: async (ms) => {
      if (!rung) {
        const timer = Promise.withResolvers<void>();
        const timeout = setTimeout(timer.resolve, ms);
        wake = timer.resolve;
        await timer.promise;
        clearTimeout(timeout);
      }
      rung = false;
      wake = undefined;
    },
  };
};
