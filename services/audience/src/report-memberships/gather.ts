interface Waiting<Item> {
  readonly item: Item;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * What comes while one call of `work` is under way goes into the next one, together: the partitions of a topic share
 * transactions. A call that fails is done again for each item alone, so that a bad one takes no other with it.
 */
export const gather = <Item>(
  work: (items: readonly Item[]) => Promise<void>,
  atMost = 500,
): ((item: Item) => Promise<void>) => {
  const waiting: Waiting<Item>[] = [];
  let running = false;

  const run = async (): Promise<void> => {
    running = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, atMost);
      try {
        await work(batch.map(({ item }) => item));
        batch.forEach(({ resolve }) => resolve());
      } catch (error) {
        if (batch.length === 1) batch[0]?.reject(error);
        else for (const { item, resolve, reject } of batch) await work([item]).then(resolve, reject);
      }
    }
    running = false;
  };

  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (!running) void run();
    });
};
