import { type ExpectedRevision, NO_STREAM, STREAM_EXISTS } from '@eventstore/db-client';
import { appended, attempt, event, events, lastOf, type Questions, seen, type Session } from './session.js';

const written = async ({ client, stream }: Session, count: number): Promise<string> => {
  const name = stream();
  await client.appendToStream(name, events(count));
  return name;
};

const deleted = async (session: Session, count: number): Promise<string> => {
  const name = await written(session, count);
  await session.client.deleteStream(name);
  return name;
};

type Delete = Session['client']['deleteStream'];
type Append = Session['client']['appendToStream'];

const tryDelete = ({ client }: Session, ...given: Parameters<Delete>): Promise<unknown> =>
  attempt(async () => Object.keys(await client.deleteStream(...given)).sort());

const tryAppend = ({ client }: Session, ...given: Parameters<Append>): Promise<unknown> =>
  attempt(async () => appended(await client.appendToStream(...given)));

export const deleting: Questions = {
  'delete: then read': async (session) => {
    const name = await written(session, 2);
    const answer = await tryDelete(session, name);
    return { answer, read: await attempt(() => seen(session.client.readStream(name))) };
  },
  'delete: then append with NO_STREAM, ANY; the revision goes on': async (session) => {
    const name = await deleted(session, 3);
    return {
      answer: await tryAppend(session, name, event('Back'), { expectedRevision: NO_STREAM }),
      read: await seen(session.client.readStream(name)),
      again: await tryAppend(session, name, event('Again')),
    };
  },
  'delete: then append with the last revision': async (session) =>
    tryAppend(session, await deleted(session, 3), event('Back'), { expectedRevision: 2n }),
  'delete: then append with STREAM_EXISTS': async (session) =>
    tryAppend(session, await deleted(session, 3), event('Back'), { expectedRevision: STREAM_EXISTS }),
  'delete: wrong revision': async (session) => tryDelete(session, await written(session, 2), { expectedRevision: 5n }),
  'delete: a missing stream, ANY': (session) => tryDelete(session, session.stream()),
  'delete: a missing stream, STREAM_EXISTS': (session) =>
    // Not in the client's types: it sends the word as if it were a number.
    tryDelete(session, session.stream(), { expectedRevision: STREAM_EXISTS as string as ExpectedRevision }),
  'delete: twice': async (session) => tryDelete(session, await deleted(session, 1)),
  'delete: $all still holds the events': async (session) => {
    const name = await deleted(session, 2);
    return (await lastOf(session, name, 2)).length;
  },
  'tombstone: then append, read, tombstone again': async (session) => {
    const { client } = session;
    const name = await written(session, 1);
    await client.tombstoneStream(name);
    return {
      append: await tryAppend(session, name, event()),
      read: await attempt(() => seen(client.readStream(name))),
      again: await attempt(() => client.tombstoneStream(name)),
      delete: await tryDelete(session, name),
    };
  },
};

const shape = (value: unknown): string => (value === undefined ? 'none' : typeof value);

export const metadata: Questions = {
  'metadata: none set': async ({ client, stream }) => {
    const { metadata: found, metastreamRevision } = await client.getStreamMetadata(stream());
    return { metadata: found ?? 'none', metastreamRevision: shape(metastreamRevision) };
  },
  'metadata: set and get': async ({ client, stream }) => {
    const name = stream();
    const given = {
      maxCount: 2,
      maxAge: 3600,
      cacheControl: 60,
      truncateBefore: 0,
      acl: { readRoles: ['$all'] },
      own: 'x',
    };
    const { nextExpectedRevision } = await client.setStreamMetadata(name, given);
    const { metadata: found, metastreamRevision, streamName } = await client.getStreamMetadata(name);
    return {
      next: nextExpectedRevision,
      metadata: found,
      metastreamRevision: shape(metastreamRevision),
      name: streamName,
    };
  },
  'metadata: maxCount cuts reads': async (session) => {
    const { client } = session;
    const name = session.stream();
    await client.setStreamMetadata(name, { maxCount: 2 });
    await client.appendToStream(name, events(5));
    return {
      forwards: await seen(client.readStream(name)),
      from0: await seen(client.readStream(name, { fromRevision: 0n })),
      all: (await lastOf(session, name, 5)).length,
    };
  },
  'metadata: truncateBefore cuts reads': async (session) => {
    const name = await written(session, 5);
    await session.client.setStreamMetadata(name, { truncateBefore: 3 });
    return seen(session.client.readStream(name));
  },
  'metadata: wrong revision': async ({ client, stream }) => {
    const name = stream();
    await client.setStreamMetadata(name, { maxCount: 2 });
    return attempt(() => client.setStreamMetadata(name, { maxCount: 3 }, { expectedRevision: NO_STREAM }));
  },
  'metadata: soft delete shows in it': async (session) => {
    const { metadata: found, metastreamRevision } = await session.client.getStreamMetadata(await deleted(session, 3));
    return { metadata: found, revision: shape(metastreamRevision) };
  },
};
