import { newId } from '@waybill/kernel';
import { backoff, type Bell, createBell, pause, type Wakeups } from '@waybill/postgres';
import { deliver, type Delivery, type DeliverySignals, type Settling, settleInOrder } from '../delivery.js';
import type { ReceivedMessage, Subscription } from '../port.js';
import type { Assignment, Member, StoredMessage, TopicLog } from './topic-log.js';

export interface SubscriptionTimes {
  /** A member that gives no sign of life for so long has lost its partitions. */
  readonly leaseMs: number;
  /** How often the log is asked though nothing was notified. */
  readonly pollMs: number;
  /** How long `stop` waits for a message in hand before its signal is aborted. */
  readonly graceMs: number;
}

/** What a handler whose signal was aborted gets to come to its end. */
const LAST_CALL_MS = 1_000;
const FIRST_RETRY_MS = 100;
/** Messages read ahead per partition. */
const READ_AHEAD = 100;
/** A crash makes at most so much work of a partition be done again. */
const COMMIT_EVERY_MS = 100;

/** A partition this member works on. Lives until its worker has ended; only then may it be held again. */
interface HeldPartition {
  readonly assignment: Assignment;
  next: number;
  committed: number;
  readonly queue: StoredMessage[];
  /** The worker, while the queue is worked off. */
  working: Promise<void> | undefined;
  readonly stopping: AbortController;
  readonly revoked: AbortController;
}

/**
 * One member of a group. Three things go on beside each other: `attend` keeps the leases, `fetch` reads ahead for idle
 * partitions, and one worker per partition handles its messages in order, so that a slow one holds up no other.
 */
export const openSubscription = async (
  log: TopicLog,
  wakeups: Wakeups,
  delivery: Delivery,
  times: SubscriptionTimes,
): Promise<Subscription> => {
  const { group, topics, from, ephemeral = false, together } = delivery.options;
  const member: Member = {
    group,
    topics: [...topics],
    id: newId(),
    leaseSeconds: times.leaseMs / 1000,
    fromEnd: from === 'end',
    ephemeral,
  };
  const held = new Map<string, HeldPartition>();
  const over = new AbortController();
  const fetchBell = createBell();
  const attendBell = createBell();
  let leaseTimer: NodeJS.Timeout | undefined;
  let leaving = false;

  /** The only place where leases are taken and given back, one step after the other: an answer is never older than a release. */
  const attend = async (): Promise<void> => {
    for (const [name, partition] of held) {
      if (!hasEnded(partition)) continue;
      if (!partition.revoked.signal.aborted) await log.release(member, partition.assignment);
      held.delete(name);
    }
    const askedAt = performance.now();
    const assignments = await log.attend(leaving ? { ...member, topics: [] } : member);
    clearTimeout(leaseTimer);
    // Counted from before the question: the server's lease ends later, never earlier.
    leaseTimer = setTimeout(revokeAll, askedAt + times.leaseMs - performance.now());
    const answered = new Set(assignments.map(nameOf));
    for (const [name, partition] of held) if (!answered.has(name)) revoke(partition);
    for (const assignment of assignments) {
      const known = held.get(nameOf(assignment));
      if (known === undefined && assignment.due) hold(assignment);
      else if (known === undefined) await log.release(member, assignment);
      else if (known.assignment.epoch !== assignment.epoch) revoke(known);
      else if (!assignment.due) end(known);
    }
  };

  const hold = (assignment: Assignment): void => {
    held.set(nameOf(assignment), {
      assignment,
      next: assignment.committed,
      committed: assignment.committed,
      queue: [],
      working: undefined,
      stopping: new AbortController(),
      revoked: new AbortController(),
    });
    fetchBell.ring();
  };

  /** After the message in hand; then the next `attend` hands the partition to whoever it is due to. */
  const end = (partition: HeldPartition): void => {
    partition.stopping.abort();
    if (partition.working === undefined) attendBell.ring();
  };

  /** Taken over by another member, or it must be assumed: the handler is told, nothing more is committed. */
  const revoke = (partition: HeldPartition): void => {
    partition.revoked.abort();
    end(partition);
  };

  const revokeAll = (): void => held.forEach(revoke);

  const fetch = async (): Promise<void> => {
    const idle = [...held].filter(([, { working, stopping }]) => working === undefined && !stopping.signal.aborted);
    if (idle.length === 0) return;
    const cursors = idle.map(([, { assignment, next }]) => ({ ...assignment, next }));
    const messages = Map.groupBy(await log.fetch(cursors, READ_AHEAD), nameOf);
    for (const [name, partition] of idle) {
      partition.queue.push(...(messages.get(name) ?? []));
      // Also when only a commit is left that failed before.
      if (partition.queue.length > 0 || partition.next > partition.committed) partition.working = work(partition);
    }
  };

  const settling = (signals: DeliverySignals): Settling<StoredMessage> => ({
    alone: (stored) => deliver(delivery, received(stored), signals),
    together: async (some) => together?.handler(some.map(received), signals.revoked),
  });

  const work = async (partition: HeldPartition): Promise<void> => {
    const { assignment, queue } = partition;
    const signals = { stopping: partition.stopping.signal, revoked: partition.revoked.signal };
    let committedAt = performance.now();
    const commit = async (): Promise<void> => {
      const { next } = partition;
      if (next === partition.committed || signals.revoked.aborted) return;
      committedAt = performance.now();
      try {
        if (await log.commit(member, assignment, next)) partition.committed = next;
        else revoke(partition);
      } catch (error) {
        failed('committing an offset')(error);
      }
    };
    while (queue.length > 0 && !signals.stopping.aborted) {
      const some = queue.slice(0, together?.atMost ?? 1);
      const settled = await settleInOrder(some, settling(signals), signals);
      for (const { offset } of queue.splice(0, settled)) partition.next = offset + 1;
      if (settled < some.length) break;
      if (performance.now() - committedAt > COMMIT_EVERY_MS) await commit();
    }
    await commit();
    queue.length = 0;
    partition.working = undefined;
    (signals.stopping.aborted ? attendBell : fetchBell).ring();
  };

  const failed = (doing: string) => (error: unknown) =>
    delivery.observe({ kind: 'failed', doing: `${doing} (group ${group})`, error });

  const repeat = async (doing: string, step: () => Promise<void>, bell: Bell, everyMs: number): Promise<void> => {
    let failures = 0;
    while (!over.signal.aborted) {
      try {
        await step();
        failures = 0;
        await bell.wait(everyMs);
      } catch (error) {
        failures += 1;
        failed(doing)(error);
        await pause(backoff(failures, FIRST_RETRY_MS, times.leaseMs / 3), over.signal);
      }
    }
  };

  const unhear = [
    ...topics.map((topic) => wakeups.on(log.topicChannel(topic), fetchBell.ring)),
    wakeups.on(log.groupChannel(group), attendBell.ring),
  ];
  const stopHearing = () => unhear.forEach((stop) => stop());
  try {
    await attend();
  } catch (error) {
    stopHearing();
    throw error;
  }
  const loops = [
    repeat('keeping its partitions', attend, attendBell, times.leaseMs / 3),
    repeat('reading', fetch, fetchBell, times.pollMs),
  ];

  const stop = async (): Promise<void> => {
    leaving = true; // what ends is given away at once, what is in hand stays leased
    held.forEach(end);
    attendBell.ring();
    const inHand = Promise.all([...held.values()].map(async ({ working }) => working));
    const graceTimer = setTimeout(revokeAll, times.graceMs);
    const patience = new AbortController();
    // A handler that does not heed its signal either is left behind; what it does will be done again by another member.
    await Promise.race([inHand, pause(times.graceMs + LAST_CALL_MS, patience.signal)]);
    patience.abort();
    clearTimeout(graceTimer);
    over.abort();
    [attendBell, fetchBell].forEach(({ ring }) => ring());
    await Promise.all(loops);
    clearTimeout(leaseTimer);
    stopHearing();
    await log.leave(member).catch(failed('leaving'));
  };

  let stopped: Promise<void> | undefined;
  return { stop: () => (stopped ??= stop()) };
};

const hasEnded = ({ stopping, working }: HeldPartition): boolean => stopping.signal.aborted && working === undefined;

const nameOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string =>
  `${topic}/${partition}`;

const received = ({ topic, partition, offset, message }: StoredMessage): ReceivedMessage => ({
  ...message,
  topic,
  partition,
  offset: String(offset),
  attempt: 1,
});
