import { ANY, binaryEvent, jsonEvent, NO_STREAM, STREAM_EXISTS } from '@eventstore/db-client';
import { appended, attempt, collect, event, events, type Questions, seen, type Session } from './session.js';

const KiB = 1024;

type Append = Session['client']['appendToStream'];

/** An append whose refusal is its answer. */
const tryAppend = ({ client }: Session, ...given: Parameters<Append>): Promise<unknown> =>
  attempt(async () => appended(await client.appendToStream(...given)));

/** A stream with so many events. */
const written = async (session: Session, count: number): Promise<string> => {
  const stream = session.stream();
  await session.client.appendToStream(stream, events(count));
  return stream;
};

const readBack = ({ client }: Session, stream: string) => attempt(() => seen(client.readStream(stream)));

const expectations: Questions = {
  'append: ANY to a new stream': (session) => tryAppend(session, session.stream(), event(), { expectedRevision: ANY }),
  'append: NO_STREAM to a new stream, three events': (session) =>
    tryAppend(session, session.stream(), events(3), { expectedRevision: NO_STREAM }),
  'append: NO_STREAM to an existing stream': async (session) =>
    tryAppend(session, await written(session, 2), event(), { expectedRevision: NO_STREAM }),
  'append: STREAM_EXISTS to a missing stream': (session) =>
    tryAppend(session, session.stream(), event(), { expectedRevision: STREAM_EXISTS }),
  'append: STREAM_EXISTS to an existing stream': async (session) =>
    tryAppend(session, await written(session, 1), event(), { expectedRevision: STREAM_EXISTS }),
  'append: the right revision': async (session) =>
    tryAppend(session, await written(session, 2), event(), { expectedRevision: 1n }),
  'append: a revision behind': async (session) =>
    tryAppend(session, await written(session, 3), event(), { expectedRevision: 1n }),
  'append: a revision ahead': async (session) =>
    tryAppend(session, await written(session, 1), event(), { expectedRevision: 7n }),
  'append: a revision to a missing stream': (session) =>
    tryAppend(session, session.stream(), event(), { expectedRevision: 0n }),
  'append: no events, NO_STREAM, new stream': async (session) => {
    const stream = session.stream();
    const answer = await tryAppend(session, stream, [], { expectedRevision: NO_STREAM });
    return { answer, read: await readBack(session, stream) };
  },
  'append: no events, ANY, existing stream': async (session) =>
    tryAppend(session, await written(session, 2), [], { expectedRevision: ANY }),
  'append: 50 at once with NO_STREAM, one wins': async (session) => {
    const stream = session.stream();
    const answers = (await Promise.all(
      Array.from({ length: 50 }, () => tryAppend(session, stream, event(), { expectedRevision: NO_STREAM })),
    )) as { success?: boolean; error?: string }[];
    return {
      won: answers.filter(({ success }) => success).length,
      lost: answers.filter(({ error }) => error === 'WrongExpectedVersionError').length,
      read: await readBack(session, stream),
    };
  },
  'append: 50 at once with ANY, all in': async ({ client, stream }) => {
    const name = stream();
    const answers = await Promise.all(Array.from({ length: 50 }, () => client.appendToStream(name, event())));
    const revisions = answers.map(({ nextExpectedRevision }) => nextExpectedRevision);
    const sorted = revisions.toSorted((a, b) => Number(a - b));
    return { first: sorted[0], last: sorted.at(-1), distinct: new Set(revisions).size };
  },
};

const repeats: Questions = {
  'append: same event id twice, ANY': async (session) => {
    const stream = session.stream();
    const same = event();
    const first = await tryAppend(session, stream, same);
    const second = await tryAppend(session, stream, same);
    return { first, second, read: await readBack(session, stream) };
  },
  'append: same event id twice, NO_STREAM': async (session) => {
    const stream = session.stream();
    const same = event();
    await session.client.appendToStream(stream, same, { expectedRevision: NO_STREAM });
    const second = await tryAppend(session, stream, same, { expectedRevision: NO_STREAM });
    return { second, read: await readBack(session, stream) };
  },
  'append: same batch twice, same revision, others written since': async (session) => {
    const stream = await written(session, 1);
    const batch = events(3, 'Retried');
    await session.client.appendToStream(stream, batch, { expectedRevision: 0n });
    await session.client.appendToStream(stream, events(2, 'Later'));
    const retry = await tryAppend(session, stream, batch, { expectedRevision: 0n });
    return { retry, read: await readBack(session, stream) };
  },
  'append: first part of an earlier batch, same revision': async (session) => {
    const stream = session.stream();
    const batch = events(3);
    await session.client.appendToStream(stream, batch, { expectedRevision: NO_STREAM });
    const retry = await tryAppend(session, stream, batch.slice(0, 2), { expectedRevision: NO_STREAM });
    return { retry, read: await readBack(session, stream) };
  },
  'append: an earlier batch and one more event, same revision': async (session) => {
    const stream = session.stream();
    const batch = events(3);
    await session.client.appendToStream(stream, batch.slice(0, 2), { expectedRevision: NO_STREAM });
    const retry = await tryAppend(session, stream, batch, { expectedRevision: NO_STREAM });
    return { retry, read: await readBack(session, stream) };
  },
  'append: same ids in another stream': async (session) => {
    const batch = events(2);
    await session.client.appendToStream(session.stream(), batch, { expectedRevision: NO_STREAM });
    return tryAppend(session, session.stream(), batch, { expectedRevision: NO_STREAM });
  },
};

const textOf = (length: number) => ({ s: 'x'.repeat(length) });

const content: Questions = {
  'append: one event above the append limit': (session) =>
    tryAppend(session, session.stream(), event('Big', textOf(2 * KiB * KiB))),
  'append: small events together above the append limit': (session) =>
    tryAppend(
      session,
      session.stream(),
      Array.from({ length: 24 }, () => event('Part', textOf(64 * KiB))),
    ),
  'append: one event of 900 KiB': (session) => tryAppend(session, session.stream(), event('Big', textOf(900 * KiB))),
  'append: binary data and binary metadata': async ({ client, stream }) => {
    const name = stream();
    const bytes = { data: Uint8Array.from([0, 255, 10]), metadata: Uint8Array.from([7]) };
    await client.appendToStream(name, binaryEvent({ type: 'Blob', ...bytes }));
    const [item] = await collect(client.readStream(name));
    return { isJson: item?.event?.isJson, data: item?.event?.data, metadata: item?.event?.metadata };
  },
  'append: JSON data, metadata, chosen id': async ({ client, stream }) => {
    const name = stream();
    const id = '0b2c6f0e-7f3a-4c1e-9d7a-0123456789ab';
    const data = { text: 'é✓ 漢字', deep: [1, { a: null }] };
    await client.appendToStream(
      name,
      jsonEvent({ type: 'Named', data, id, metadata: { $correlationId: 'c-1', tenant: 't' } }),
    );
    const [{ event: stored, link } = {}] = await collect(client.readStream(name));
    return {
      ...stored,
      keys: Object.keys(stored ?? {}).sort(),
      position: Object.keys(stored?.position ?? {}).sort(),
      link: link ?? 'none',
    };
  },
  'append: JSON event without metadata': async ({ client, stream }) => {
    const name = stream();
    await client.appendToStream(name, jsonEvent({ type: 'Bare', data: {} }));
    const [item] = await collect(client.readStream(name));
    return { data: item?.event?.data, metadata: item?.event?.metadata ?? 'undefined' };
  },
  'append: empty event type': (session) => tryAppend(session, session.stream(), event('')),
  'append: empty stream name': (session) => tryAppend(session, '', event()),
  'append: stream name with spaces, slashes and non-ASCII': async ({ client, stream }) => {
    const name = `${stream()} é/漢 x`;
    await client.appendToStream(name, event());
    const [item] = await collect(client.readStream(name));
    return item?.event?.streamId;
  },
  'append: system stream name': (session) => tryAppend(session, `$${session.stream()}`, event()),
  "append: the answer's position is the position of the last event of the batch in $all": async ({
    client,
    stream,
  }) => {
    const name = stream();
    const { position } = await client.appendToStream(name, events(3));
    const last = (await collect(client.readStream(name)))[2]?.event?.position;
    return { commitEqual: position?.commit === last?.commit, prepareEqual: position?.prepare === last?.prepare };
  },
};

export const appending: Questions = { ...expectations, ...repeats, ...content };
