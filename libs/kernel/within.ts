/** Settles as `work` does, or rejects with what `failure` makes after so many milliseconds. What is late goes on, unheard. */
export const within = async <T>(milliseconds: number, work: Promise<T>, failure: () => Error): Promise<T> => {
  const over = Promise.withResolvers<never>();
  const timer = setTimeout(() => over.reject(failure()), milliseconds);
  try {
    return await Promise.race([work, over.promise]);
  } finally {
    clearTimeout(timer);
  }
};
