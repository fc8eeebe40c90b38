import { messageOf } from '@waybill/kernel';
import { backoff, pause } from '@waybill/postgres';
import type { Admin, Consumer, EachBatchPayload, IMemberAssignment, Kafka } from 'kafkajs';
import type { DeliverySignals } from '../delivery.js';
import { messagingUnavailable } from '../errors.js';
import type { Observe, Subscription, SubscriptionOptions } from '../port.js';
import { bySubscription } from './assigner.js';
import { FEW_RETRIES } from './connection.js';
import { withinDeadline } from './deadline.js';
import { boundsOf, committedPositions } from './positions.js';
import { refusalOf, rootOf } from './refusal.js';
import { createShare, type PartitionOffset, type Share, type ShareOptions } from './share.js';

export interface SubscriptionTimes {
  /** A member that gives no sign of life for so long has lost its partitions. */
  readonly sessionMs: number;
  /** How often it gives one, and so how soon it hears of a rebalance. */
  readonly heartbeatMs: number;
  /** How long a broker may hold back an empty answer, and so how late a partition is read that had enough before. */
  readonly fetchWaitMs: number;
  /** How long `stop` waits for a message in hand before its signal is aborted. */
  readonly graceMs: number;
  /** Trouble that passes by itself, such as a coordinator that loads its groups, is over by then. */
  readonly troubleMs: number;
}

export interface SubscriptionContext {
  readonly kafka: Kafka;
  /** Asks the cluster, on a client that knows of nothing that was asked before. */
  readonly asking: <T>(work: (admin: Admin) => Promise<T>) => Promise<T>;
  readonly groupId: string;
  readonly options: SubscriptionOptions;
  readonly times: SubscriptionTimes;
  readonly observe: Observe;
  /** Handles records to their end; answers how many are settled, counted from the first. */
  readonly settle: (...handed: [...Parameters<ShareOptions['settle']>, DeliverySignals]) => Promise<number>;
}

export interface KafkaSubscription extends Subscription {
  /** Why it has not been working for a while; undefined when it is. */
  trouble(): string | undefined;
}

/** A crash makes at most so much work of a partition be done again. */
const COMMIT_EVERY_MS = 100;
const LEAVE_MS = 5_000;
/** How long the first share may take: others may hold up the group for a session, and a new broker be busy with itself. */
const JOIN_SESSIONS = 4;
const FIRST_RETRY_MS = 500;
const LONGEST_RETRY_MS = 10_000;

/**
 * One member of a group. kafkajs keeps the membership and reads; what it reads goes to the share of the moment, whose
 * workers handle it on their own, so that neither a slow handler nor a retry holds up other partitions or the heartbeats.
 */
export const openSubscription = async (context: SubscriptionContext): Promise<KafkaSubscription> => {
  const { kafka, asking, groupId, options, times, observe } = context;
  const { topics, from = 'beginning', ephemeral = false } = options;
  const over = new AbortController();
  const joined = Promise.withResolvers<void>();
  let share: Promise<Share> | undefined;
  /** An ephemeral group commits nothing; its only member knows where it was. */
  const remembered = new Map<string, number>();
  let assignment: IMemberAssignment = {};
  let committing: Promise<void> | undefined;
  let commitTimer: NodeJS.Timeout | undefined;
  let leaseTimer: NodeJS.Timeout | undefined;
  let quietTimer: NodeJS.Timeout | undefined;
  let troubled: { readonly since: number; readonly why: string } | undefined;
  let failures = 0;
  let joining = true;
  let left = false;

  const inTrouble = (why: string): void => {
    clearTimeout(quietTimer);
    troubled ??= { since: performance.now(), why };
  };

  /** A share alone is no sign that all is well: what cannot be read is met right after it, each time. */
  const wellWhenQuiet = (): void => {
    clearTimeout(quietTimer);
    quietTimer = setTimeout(() => {
      failures = 0;
      troubled = undefined;
    }, times.sessionMs / 3);
  };

  /** kafkajs keeps to itself that looking the coordinator up is refused. */
  const whyNotRead = (error: unknown): string =>
    rootOf(error).name === 'KafkaJSGroupCoordinatorNotFound'
      ? `no broker coordinates it yet, or the user of Kafka may not read the group ${groupId}`
      : messageOf(error);

  const failed = (doing: string, error: unknown) =>
    observe({ kind: 'failed', doing: `${doing} (group ${options.group})`, error });

  /** The share of now, when it is still one's own. */
  const current = (): Promise<Share | undefined> => share?.catch(() => undefined) ?? Promise.resolve(undefined);

  const commit = async (): Promise<void> => {
    const own = await current();
    const offsets = own?.uncommitted() ?? [];
    if (offsets.length === 0) return;
    if (ephemeral) offsets.forEach(({ topic, partition, offset }) => remembered.set(`${topic}/${partition}`, offset));
    else await consumer.commitOffsets(offsets.map((each) => ({ ...each, offset: String(each.offset) })));
    own?.committed(offsets);
  };

  /** One commit at a time, so that none overtakes a later one. */
  const commitNow = async (): Promise<void> => {
    clearTimeout(commitTimer);
    commitTimer = undefined;
    await committing;
    committing = commit().catch((error: unknown) => failed('committing offsets', error));
    await committing;
  };

  const commitSoon = (): void => {
    commitTimer ??= setTimeout(() => void commitNow(), COMMIT_EVERY_MS);
  };

  /** Ends what kafkajs goes on with after `disconnect`: a join under way would make a member that nobody stops any more. */
  const mustBeIn = (): void => {
    if (left) throw new Error('this member has left');
  };

  /** Ends the share while it is still one's own: what is in hand ends and is committed before anybody else gets it. */
  const handOver = async (graceMs: number): Promise<void> => {
    mustBeIn();
    joining = true; // until a share is given again
    const mine = share;
    const own = await current();
    if (own !== undefined && !own.isOver) {
      readNothing();
      await own.end(graceMs);
      await commitNow();
    }
    if (share === mine) share = undefined;
  };

  /** After a crash kafkajs knows of no reading that could be steered, and throws; the next share begins anew. */
  const whileItRuns = (steer: () => void): void => {
    try {
      steer();
    } catch (error) {
      if (!messageOf(error).includes('Consumer group was not initialized')) throw error;
    }
  };

  /** Without a share: what is read would be refused, and be read again at once. */
  const readNothing = (): void => whileItRuns(() => consumer.pause(topics.map((topic) => ({ topic }))));

  /** The membership is gone, or it must be assumed: the handlers are told, and nothing more is committed. */
  const revoke = async (): Promise<void> => {
    const own = current();
    share = undefined;
    await (await own)?.end(0);
  };

  const begin = (assigned: IMemberAssignment): void => {
    joining = false;
    assignment = assigned;
    readNothing();
    const before = current();
    const opening = (async () => {
      await (await before)?.end(0);
      return openShare(assigned);
    })();
    share = opening;
    opening.then(
      () => {
        wellWhenQuiet();
        joined.resolve();
      },
      (error: unknown) => {
        failed('finding its place', error);
        inTrouble(messageOf(error));
        if (share === opening) share = undefined; // the next heartbeat begins again
      },
    );
  };

  const openShare = async (assigned: IMemberAssignment): Promise<Share> => {
    const [stopping, revoked] = [new AbortController(), new AbortController()];
    const { start, unmarked } = await asking((admin) => startOf(admin, assigned));
    if (unmarked.length > 0 && !ephemeral) {
      await consumer.commitOffsets(unmarked.map((each) => ({ ...each, offset: String(each.offset) })));
    }
    consumer.resume(topics.map((topic) => ({ topic })));
    return createShare({
      start,
      atOnce: options.together?.atMost ?? 1,
      settle: (place, records) =>
        context.settle(place, records, { stopping: stopping.signal, revoked: revoked.signal }),
      onSettled: commitSoon,
      onWanted: ({ topic, partition }, wanted) =>
        whileItRuns(() =>
          wanted
            ? consumer.resume([{ topic, partitions: [partition] }])
            : consumer.pause([{ topic, partitions: [partition] }]),
        ),
      onSkipped: (position, next) => void noteRemoved(position, next),
      seek: ({ topic, partition, offset }) =>
        whileItRuns(() => consumer.seek({ topic, partition, offset: String(offset) })),
      stopping,
      revoked,
    });
  };

  /** Where to begin: after what was committed; where nothing was, at the end asked for, which then is committed. */
  const startOf = async (admin: Admin, assigned: IMemberAssignment) => {
    const committed = ephemeral ? new Map() : await committedPositions(admin, groupId, topics);
    const start: PartitionOffset[] = [];
    const unmarked: PartitionOffset[] = [];
    for (const [topic, partitions] of Object.entries(assigned)) {
      const bounds = await boundsOf(admin, topic);
      for (const partition of partitions) {
        const { low, high } = bounds.get(partition) ?? { low: 0, high: 0 };
        const known = (committed.get(topic) as ReadonlyMap<number, number> | undefined)?.get(partition);
        const marked = known ?? remembered.get(`${topic}/${partition}`);
        // Older than what is kept, or of a topic that was made anew.
        const valid = marked !== undefined && marked >= low && marked <= high ? marked : undefined;
        const offset = valid ?? (marked === undefined && from === 'end' ? high : low);
        if (marked !== undefined && marked < low) removed({ topic, partition, offset: marked }, low - marked);
        start.push({ topic, partition, offset });
        if (marked === undefined) {
          unmarked.push({ topic, partition, offset });
          remembered.set(`${topic}/${partition}`, offset);
        }
      }
    }
    return { start, unmarked };
  };

  /** What lies between was removed unread, unless it was only Kafka's own marks. */
  const noteRemoved = async ({ topic, partition, offset }: PartitionOffset, next: number): Promise<void> => {
    try {
      const low = (await asking((admin) => boundsOf(admin, topic))).get(partition)?.low ?? 0;
      if (low >= next) removed({ topic, partition, offset }, next - offset);
    } catch (error) {
      failed('looking at what was removed', error);
    }
  };

  const removed = ({ topic, partition, offset }: PartitionOffset, messages: number): void =>
    observe({
      ...{ kind: 'dropped', slug: 'messages-removed', group: options.group, attempts: 0 },
      reason: `${messages} messages were removed unread: the topic keeps none for so long (its retention.ms).`,
      ...{ topic, partition, offset: String(offset) },
    });

  const eachBatch = async ({ batch, resolveOffset }: EachBatchPayload): Promise<void> => {
    const own = await current();
    const taken = own?.accept(batch);
    if (taken !== undefined) resolveOffset(taken);
  };

  const consumer: Consumer = kafka.consumer({
    groupId,
    partitionAssigners: [bySubscription(() => handOver(times.sessionMs / 2))],
    sessionTimeout: times.sessionMs,
    rebalanceTimeout: times.sessionMs * 2,
    heartbeatInterval: times.heartbeatMs,
    maxWaitTimeInMs: times.fetchWaitMs,
    allowAutoTopicCreation: false,
    // Many would ask a lost coordinator for half a minute before another one is looked for.
    retry: { ...FEW_RETRIES, restartOnFailure: () => Promise.resolve(!over.signal.aborted) },
  });

  const run = async (): Promise<void> => {
    await consumer.connect();
    mustBeIn();
    await consumer.subscribe({ topics: [...topics], fromBeginning: true });
    mustBeIn();
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch });
  };

  /** A sign of life that was heard: for so long the partitions are nobody else's. A little less, for the way back. */
  const renewLease = (): void => {
    clearTimeout(leaseTimer);
    leaseTimer = setTimeout(() => {
      inTrouble('the brokers have not been heard for a whole session');
      void revoke();
    }, times.sessionMs * 0.8);
  };

  const { events } = consumer;
  consumer.on(events.GROUP_JOIN, ({ payload }) => {
    mustBeIn(); // it throws into the join itself
    renewLease();
    // Who is leaving may be given a share on the way out, since kafkajs ends what it has begun.
    if (!over.signal.aborted) begin(payload.memberAssignment);
  });
  consumer.on(events.HEARTBEAT, () => {
    if (left) return;
    renewLease();
    if (share === undefined && !joining && !over.signal.aborted) begin(assignment);
  });
  for (const gone of [events.STOP, events.DISCONNECT] as const) consumer.on(gone, () => void revoke());
  consumer.on(events.CRASH, ({ payload: { error, restart } }) => {
    void revoke();
    if (over.signal.aborted) return;
    failed('reading', error);
    inTrouble(whyNotRead(error));
    if (!restart) void startAgain(error);
  });

  /** What kafkajs gives up, such as a broker that does not know yet who coordinates the group: it may know soon. */
  const startAgain = async (error: unknown): Promise<void> => {
    if (left) return void (await consumer.disconnect().catch(() => undefined));
    const refusal = refusalOf(error);
    if (refusal !== undefined) joined.reject(refusal);
    inTrouble(whyNotRead(error));
    failures += 1;
    await pause(backoff(failures, FIRST_RETRY_MS, LONGEST_RETRY_MS), over.signal);
    if (!over.signal.aborted) await run().catch(startAgain);
  };

  const leave = async (): Promise<void> => {
    over.abort();
    left = true;
    clearTimeout(commitTimer);
    // Without a broker the farewell would be tried for long; the session runs out instead.
    const farewell = consumer.disconnect().catch((error: unknown) => failed('leaving', error));
    await withinDeadline(farewell, LEAVE_MS).catch(() => undefined);
    clearTimeout(leaseTimer);
    clearTimeout(quietTimer);
  };

  const stop = async (): Promise<void> => {
    over.abort();
    await handOver(times.graceMs);
    await leave();
  };

  const tooLong = setTimeout(
    () => joined.reject(messagingUnavailable(new Error(troubled?.why ?? 'no broker gave it a share of the group'))),
    times.sessionMs * JOIN_SESSIONS,
  );
  try {
    void run().catch(startAgain);
    await joined.promise;
  } catch (error) {
    await leave();
    throw error;
  } finally {
    clearTimeout(tooLong);
  }

  let stopped: Promise<void> | undefined;
  return {
    stop: () => (stopped ??= stop()),
    trouble: () =>
      troubled !== undefined && performance.now() - troubled.since > times.troubleMs
        ? `The group ${options.group} is not reading: ${troubled.why}`
        : undefined,
  };
};
