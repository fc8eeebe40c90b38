import { setTimeout as sleep } from 'node:timers/promises';
import {
  END,
  eventTypeFilter,
  excludeSystemEvents,
  type Position,
  START,
  streamNameFilter,
} from '@eventstore/db-client';
import { collect, event, events, isCaughtUp, type Questions, type Session, watch } from './session.js';

/** A stream with so many events. */
const written = async ({ client, stream }: Session, count: number, type?: string): Promise<string> => {
  const name = stream();
  await client.appendToStream(name, events(count, type));
  return name;
};

const toAStream: Questions = {
  'subscribe stream: from START, history then live': async (session) => {
    const { client } = session;
    const name = await written(session, 2, 'Old');
    const watched = watch(client.subscribeToStream(name, { fromRevision: START }));
    await watched.until(isCaughtUp);
    await client.appendToStream(name, event('New'));
    await watched.counts(3);
    return watched.stop();
  },
  'subscribe stream: from a revision is exclusive': async (session) => {
    const name = await written(session, 4);
    const watched = watch(session.client.subscribeToStream(name, { fromRevision: 1n }));
    await watched.counts(2);
    return watched.stop(200);
  },
  'subscribe stream: from END': async (session) => {
    const { client } = session;
    const name = await written(session, 2, 'Old');
    const watched = watch(client.subscribeToStream(name, { fromRevision: END }));
    await watched.until((words) => words.length > 0);
    await sleep(200);
    await client.appendToStream(name, event('New'));
    await watched.counts(1);
    return watched.stop();
  },
  'subscribe stream: a stream that does not exist yet': async ({ client, stream }) => {
    const name = stream();
    const watched = watch(client.subscribeToStream(name, { fromRevision: START }));
    await sleep(400);
    await client.appendToStream(name, events(2));
    await watched.until(isCaughtUp);
    return watched.stop();
  },
  'subscribe stream: soft deleted while watching, then written again': async (session) => {
    const { client } = session;
    const name = await written(session, 2);
    const watched = watch(client.subscribeToStream(name, { fromRevision: START }));
    await watched.counts(2);
    await client.deleteStream(name);
    await sleep(300);
    await client.appendToStream(name, event('Again'));
    await watched.counts(3);
    return watched.stop(100);
  },
  'subscribe stream: tombstoned while watching': async (session) => {
    const { client } = session;
    const name = await written(session, 2);
    const watched = watch(client.subscribeToStream(name, { fromRevision: START }));
    await watched.counts(2);
    await client.tombstoneStream(name);
    await watched.until((words) => words.some((word) => word.startsWith('error ')));
    return watched.stop(100);
  },
};

const filtered: Questions = {
  'subscribe $all: prefix filter, history then live, in order': async ({ client, stream, prefix }) => {
    const wanted = prefix();
    for (const n of [1, 2]) {
      await client.appendToStream(`${wanted}-${n}`, event(`Old${n}`));
      await client.appendToStream(stream(), event('Other'));
    }
    const filter = streamNameFilter({ prefixes: [`${wanted}-`] });
    const watched = watch(client.subscribeToAll({ fromPosition: START, filter }));
    await watched.until(isCaughtUp);
    await client.appendToStream(`${wanted}-3`, event('New3'));
    await client.appendToStream(stream(), event('Other'));
    await watched.counts(3);
    return watched.stop(150);
  },
  'subscribe $all: event type prefix': async ({ client, stream, prefix }) => {
    const type = prefix();
    await client.appendToStream(stream(), [event(`${type}.a`), event('Else'), event(`${type}.b`)]);
    const filter = eventTypeFilter({ prefixes: [`${type}.`] });
    const watched = watch(client.subscribeToAll({ fromPosition: START, filter }));
    await watched.counts(2);
    return (await watched.stop(150)).map((word) => word.replace(type, 'T'));
  },
  'subscribe $all: from the position of an event is exclusive': async ({ client, prefix }) => {
    const wanted = prefix();
    for (const type of ['A', 'B', 'C']) await client.appendToStream(`${wanted}-1`, event(type));
    const [first] = await collect(client.readStream(`${wanted}-1`));
    const filter = streamNameFilter({ prefixes: [wanted] });
    const watched = watch(client.subscribeToAll({ fromPosition: first?.event?.position ?? START, filter }));
    await watched.counts(2);
    return watched.stop(150);
  },
  'subscribe $all: from END, only what comes': async ({ client, prefix }) => {
    const wanted = prefix();
    await client.appendToStream(`${wanted}-1`, event('Old'));
    const filter = streamNameFilter({ prefixes: [wanted] });
    const watched = watch(client.subscribeToAll({ fromPosition: END, filter }));
    await watched.until((words) => words.includes('confirmation'));
    await sleep(300);
    await client.appendToStream(`${wanted}-1`, event('New'));
    await watched.counts(1);
    return watched.stop();
  },
  'subscribe $all: without system events': async (session) => {
    const { client, stream } = session;
    const fromPosition = await mark(session);
    const watched = watch(client.subscribeToAll({ fromPosition, filter: excludeSystemEvents() }));
    await client.setStreamMetadata(stream(), { maxCount: 5 });
    await client.appendToStream(stream(), event('After'));
    await watched.counts(1);
    return watched.stop();
  },
};

/** An event of its own, and where it stands. */
const mark = async ({ client, stream }: Session): Promise<Position> => {
  const { position } = await client.appendToStream(stream(), event('Mark'));
  if (!position) throw new Error('An append was answered without its position.');
  return position;
};

const nothing = { prefixes: ['nothing-has-this-name'], checkpointInterval: 1 };

const checkpoints: Questions = {
  'subscribe $all: checkpoints while nothing matches (1,000 events, window 10, interval 1)': async (session) => {
    const { client } = session;
    const fromPosition = await mark(session);
    const noise = session.stream();
    for (let batch = 0; batch < 10; batch += 1) await client.appendToStream(noise, events(100, 'Noise'));
    const end = await mark(session);
    const points: bigint[] = [];
    const filter = streamNameFilter({
      ...nothing,
      maxSearchWindow: 10,
      checkpointReached: async (_, { commit }) => void points.push(commit),
    });
    const watched = watch(client.subscribeToAll({ fromPosition, filter }));
    await watched.until(isCaughtUp);
    return {
      words: await watched.stop(300),
      checkpoints: points.length,
      rising: points.every((point, i) => i === 0 || point > (points[i - 1] ?? point)),
      lastBeyondEnd: (points.at(-1) ?? 0n) >= end.commit,
    };
  },
  'subscribe $all: checkpoints while live and nothing matches (200 events, interval 1)': async (session) => {
    const { client } = session;
    const fromPosition = await mark(session);
    let count = 0;
    const filter = streamNameFilter({
      ...nothing,
      maxSearchWindow: 32,
      checkpointReached: async () => void (count += 1),
    });
    const watched = watch(client.subscribeToAll({ fromPosition, filter }));
    await watched.until(isCaughtUp);
    const beforeLive = count;
    const noise = session.stream();
    for (let i = 0; i < 200; i += 1) await client.appendToStream(noise, event('Noise'));
    await watched.until(() => count - beforeLive >= 6);
    await watched.stop(500);
    return { beforeLive, whileLive: count - beforeLive };
  },
  'subscribe $all: resuming from a checkpoint loses and repeats nothing': async (session) => {
    const { client, stream, prefix } = session;
    const wanted = prefix();
    const fromPosition = await mark(session);
    for (let i = 0; i < 120; i += 1) await client.appendToStream(i % 3 ? stream() : `${wanted}-1`, event(`E${i}`));
    let point: Position | undefined;
    let seenAtPoint = 0;
    const first = watch(
      client.subscribeToAll({
        fromPosition,
        filter: streamNameFilter({
          prefixes: [wanted],
          maxSearchWindow: 32,
          checkpointInterval: 1,
          checkpointReached: async (_, reached) => {
            point = reached;
            seenAtPoint = first.items.length;
          },
        }),
      }),
    );
    await first.counts(40);
    await first.stop(200);
    if (!point) return 'no checkpoint';
    const filter = streamNameFilter({ prefixes: [wanted] });
    const second = watch(client.subscribeToAll({ fromPosition: point, filter }));
    await second.counts(40 - seenAtPoint);
    await second.stop(200);
    return { total: seenAtPoint + second.items.length };
  },
};

export const subscribing: Questions = { ...toAStream, ...filtered, ...checkpoints };
