/** A CloudEvent of the feed, with the id to go on from. */
export interface FeedEvent {
  readonly id: string;
  readonly data: {
    readonly type: string;
    readonly subject: string;
    readonly tenant: string;
    readonly actor: string;
    readonly data: Readonly<Record<string, unknown>>;
  };
}

export interface EventStream {
  readonly status: number;
  /** All so far. */
  readonly events: readonly FeedEvent[];
  close(): Promise<void>;
}

/** Listens to `GET /v1/events` as a dashboard does. */
export const watchEvents = async (
  address: string,
  query = '',
  headers: Readonly<Record<string, string>> = {},
): Promise<EventStream> => {
  const ending = new AbortController();
  const response = await fetch(`${address}/v1/events${query}`, { headers, signal: ending.signal });
  const events: FeedEvent[] = [];
  const reading = (async () => {
    let rest = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + chunk).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const [, id, data] = /^id: (\d+)\ndata: (.+)$/.exec(block) ?? [];
        if (id !== undefined && data !== undefined) events.push({ id, data: JSON.parse(data) as FeedEvent['data'] });
      }
    }
  })().catch(() => undefined); // it is we who end it, or the server that stops
  return {
    status: response.status,
    events,
    close: async () => {
      ending.abort();
      await reading;
    },
  };
};
