import { BACKWARDS, binaryEvent, END } from '@eventstore/db-client';
import {
  attempt,
  collect,
  event,
  events,
  firstOf,
  lastOf,
  type Questions,
  seen,
  type Session,
  word,
} from './session.js';

/** A read of a stream with so many events. */
const readOf = async (
  { client, stream }: Session,
  count: number,
  options: Parameters<Session['client']['readStream']>[1],
): Promise<unknown> => {
  const name = stream();
  await client.appendToStream(name, events(count));
  return attempt(() => seen(client.readStream(name, options)));
};

const ofAStream: Questions = {
  'read: forwards': (session) => readOf(session, 4, {}),
  'read: from a revision is inclusive': (session) => readOf(session, 4, { fromRevision: 2n }),
  'read: from beyond the end': (session) => readOf(session, 2, { fromRevision: 9n }),
  'read: backwards from END, two': (session) =>
    readOf(session, 4, { direction: BACKWARDS, fromRevision: END, maxCount: 2 }),
  'read: backwards from a revision is inclusive': (session) =>
    readOf(session, 4, { direction: BACKWARDS, fromRevision: 2n }),
  'read: backwards from beyond the end': (session) => readOf(session, 2, { direction: BACKWARDS, fromRevision: 9n }),
  'read: forwards from END': (session) => readOf(session, 2, { fromRevision: END }),
  'read: maxCount 1 and 0': async (session) => ({
    one: await readOf(session, 3, { maxCount: 1 }),
    zero: await readOf(session, 3, { maxCount: 0 }),
  }),
  'read: a missing stream': ({ client, stream }) => attempt(() => seen(client.readStream(stream()))),
  'read: 3,000 events in order': async ({ client, stream }) => {
    const name = stream();
    for (let batch = 0; batch < 6; batch += 1) await client.appendToStream(name, events(500));
    const all = await collect(client.readStream(name));
    return { count: all.length, inOrder: all.every((item, i) => item.event?.revision === BigInt(i)) };
  },
};

const ofTheLog: Questions = {
  '$all: order across streams is the order of appends, positions rise': async ({ client, stream }) => {
    const [a, b] = [stream(), stream()];
    const answered: bigint[] = [];
    for (const name of [a, b, a, a, b]) {
      const { position } = await client.appendToStream(name, event(name === a ? 'A' : 'B'));
      answered.push(position?.commit ?? -1n);
    }
    const from = { commit: answered[0] ?? 0n, prepare: answered[0] ?? 0n };
    const all = (await collect(client.readAll({ fromPosition: from }))).filter((item) =>
      [a, b].includes(item.event?.streamId ?? ''),
    );
    const commits = all.map((item) => item.event?.position?.commit ?? -1n);
    return {
      order: all.map(word),
      rising: commits.every((commit, i) => i === 0 || commit > (commits[i - 1] ?? commit)),
      sameAsAnswered: commits.every((commit, i) => commit === answered[i]),
    };
  },
  '$all: events of one append have positions of their own': async (session) => {
    const name = session.stream();
    await session.client.appendToStream(name, events(3));
    const positions = (await lastOf(session, name, 3)).map((item) => item.event?.position);
    return {
      commits: new Set(positions.map((position) => position?.commit)).size,
      prepares: new Set(positions.map((position) => position?.prepare)).size,
    };
  },
  '$all: from the position of an event, forwards, gives that event first': async ({ client, stream }) => {
    const name = stream();
    await client.appendToStream(name, events(1));
    await client.appendToStream(name, events(2, 'Next'));
    const [, second] = await collect(client.readStream(name));
    if (!second?.event?.position) return 'no position';
    return (await firstOf(client.readAll({ fromPosition: second.event.position }), name, 2)).map(word);
  },
  '$all: from the position of an event, backwards, gives the one before it first': async ({ client, stream }) => {
    const name = stream();
    for (const type of ['A', 'B', 'C']) await client.appendToStream(name, event(type));
    const last = (await collect(client.readStream(name)))[2]?.event?.position;
    if (!last) return 'no position';
    return (await firstOf(client.readAll({ direction: BACKWARDS, fromPosition: last }), name, 2)).map(word);
  },
  '$all: backwards from END': async (session) => {
    const name = session.stream();
    await session.client.appendToStream(name, events(2));
    return (await lastOf(session, name, 2)).map(word);
  },
  '$all: holds system events': async ({ client }) => {
    const all = await collect(client.readAll({ maxCount: 200 }));
    return all.some((item) => item.event?.type.startsWith('$'));
  },
  '$all: positions of commit and prepare are equal': async ({ client, stream }) => {
    const name = stream();
    await client.appendToStream(name, events(3));
    const all = await collect(client.readStream(name));
    return all.every((item) => item.event?.position?.commit === item.event?.position?.prepare);
  },
};

/** A stream with one event, and a stream with a link to it. */
const linked = async ({ client, stream }: Session) => {
  const [target, links] = [stream(), stream()];
  await client.appendToStream(target, event('Target'));
  await client.appendToStream(links, binaryEvent({ type: '$>', data: Buffer.from(`0@${target}`) }));
  return { target, links };
};

const ofLinks: Questions = {
  'links: resolved and not': async (session) => {
    const { links } = await linked(session);
    const [off] = await collect(session.client.readStream(links));
    const [on] = await collect(session.client.readStream(links, { resolveLinkTos: true }));
    return {
      off: { type: off?.event?.type, link: off?.link ? 'given' : 'none' },
      on: { type: on?.event?.type, link: on?.link?.type },
    };
  },
  'links: to a deleted event': async (session) => {
    const { target, links } = await linked(session);
    await session.client.deleteStream(target);
    const [on] = await collect(session.client.readStream(links, { resolveLinkTos: true }));
    return { event: on?.event?.type ?? 'none', link: on?.link?.type ?? 'none' };
  },
};

export const reading: Questions = { ...ofAStream, ...ofTheLog, ...ofLinks };
