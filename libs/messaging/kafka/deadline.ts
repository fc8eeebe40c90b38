/** Resolves as `work` does, or rejects when the time is over first. What is late goes on all the same. */
export const withinDeadline = async (work: Promise<unknown>, ms: number): Promise<void> => {
  const over = Promise.withResolvers<never>();
  const timer = setTimeout(() => over.reject(new Error(`no answer within ${ms / 1000} s`)), ms);
  try {
    await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
  }
};
