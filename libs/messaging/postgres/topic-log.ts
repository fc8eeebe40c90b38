import { createHash } from 'node:crypto';
import { type Database, isTransient } from '@waybill/postgres';
import pg from 'pg';
import { isWaybillError } from '@waybill/kernel';
import { messagingUnavailable, topicDiffers } from '../errors.js';
import type { GroupLag, Message, TopicDeclaration } from '../port.js';

/** A partition that a member holds. `due`: it is still this member's share. */
export interface Assignment {
  readonly topic: string;
  readonly partition: number;
  /** The next offset to handle. */
  readonly committed: number;
  readonly epoch: number;
  readonly due: boolean;
}

export interface Member {
  readonly group: string;
  readonly topics: readonly string[];
  readonly id: string;
  readonly leaseSeconds: number;
  readonly fromEnd: boolean;
  readonly ephemeral: boolean;
}

export interface StoredMessage {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly message: Message;
}

/** Where to read on in a partition. */
export interface Cursor {
  readonly topic: string;
  readonly partition: number;
  readonly next: number;
}

/** The functions of the schema (migrations.ts), typed. Every call has a deadline. */
export interface TopicLog {
  ensureTopics(topics: readonly TopicDeclaration[]): Promise<void>;
  /** 0 for a topic that nobody declared. */
  partitionCount(topic: string): Promise<number>;
  publish(
    messages: readonly { readonly topic: string; readonly partition: number; readonly body: string }[],
  ): Promise<void>;
  /** At most `max` messages of each partition, in order. */
  fetch(cursors: readonly Cursor[], max: number): Promise<readonly StoredMessage[]>;
  attend(member: Member): Promise<readonly Assignment[]>;
  /** False when the partition was taken over. */
  commit(member: Member, assignment: Assignment, next: number): Promise<boolean>;
  release(member: Member, assignment: Assignment): Promise<void>;
  leave(member: Member): Promise<void>;
  /** Takes every lease from whoever holds it. */
  dismissAll(): Promise<void>;
  /** How many messages it removed. */
  sweep(): Promise<number>;
  lag(): Promise<readonly GroupLag[]>;
  ping(): Promise<void>;
  /** Channels of LISTEN / NOTIFY. */
  topicChannel(topic: string): string;
  groupChannel(group: string): string;
}

const DEADLINE_MS = 20_000;

export const createTopicLog = (database: Database): TopicLog => {
  const query = <Row extends object>(text: string, values: readonly unknown[] = []): Promise<Row[]> =>
    reaching(async () => {
      // `query_timeout` of one query: known to pg, missing in its types.
      const { rows } = await database.pool.query<Row>({ text, values: [...values], query_timeout: DEADLINE_MS } as {
        text: string;
      });
      return rows;
    });

  // A notification is heard in the whole database, and a channel's name holds 63 bytes at most.
  const channel = (kind: string, name: string) =>
    `${kind}_${createHash('sha256').update(`${database.schema}/${name}`).digest('hex').slice(0, 40)}`;
  const topicChannel = (topic: string) => channel('topic', topic);
  const groupChannel = (group: string) => channel('group', group);

  return {
    topicChannel,
    groupChannel,

    ensureTopics: (topics) =>
      reaching(() =>
        database.transaction(async (client) => {
          await client.query(`select pg_advisory_xact_lock(hashtext('waybill topics'), hashtext(current_schema()))`);
          const names = topics.map(({ name }) => name);
          const counts = topics.map(({ partitions }) => partitions);
          await client.query(
            `insert into topics (name, partitions) select * from unnest($1::text[], $2::int[]) on conflict do nothing`,
            [names, counts],
          );
          const { rows } = await client.query<TopicDeclaration>(
            `update topics t set retention_ms = coalesce(d.retention_ms, t.retention_ms)
             from unnest($1::text[], $2::bigint[]) as d (name, retention_ms) where d.name = t.name
             returning t.name, t.partitions`,
            [names, topics.map(({ retentionMs }) => retentionMs ?? null)],
          );
          const existing = new Map(rows.map(({ name, partitions }) => [name, partitions]));
          for (const { name, partitions } of topics) {
            if (existing.get(name) !== partitions) throw topicDiffers(name, existing.get(name), partitions);
          }
          await client.query(
            `insert into partitions (topic, partition)
             select topic, generate_series(0, count - 1) from unnest($1::text[], $2::int[]) as t (topic, count)
             on conflict do nothing`,
            [names, counts],
          );
        }),
      ),

    async partitionCount(topic) {
      const rows = await query<{ partitions: number }>('select partitions from topics where name = $1', [topic]);
      return rows[0]?.partitions ?? 0;
    },

    async publish(messages) {
      const topics = messages.map(({ topic }) => topic);
      await query('select publish($1, $2, $3, $4)', [
        topics,
        messages.map(({ partition }) => partition),
        messages.map(({ body }) => body),
        [...new Set(topics)].map(topicChannel),
      ]);
    },

    fetch: (cursors, max) =>
      query<StoredMessage>(
        `select c.topic, c.partition, m.log_offset as "offset", m.message
         from unnest($1::text[], $2::int[], $3::bigint[]) as c (topic, partition, next)
         cross join lateral (
           select log_offset, message from messages
           where topic = c.topic and partition = c.partition and log_offset >= c.next
           order by log_offset limit $4) m
         order by c.topic, c.partition, m.log_offset`,
        [
          cursors.map(({ topic }) => topic),
          cursors.map(({ partition }) => partition),
          cursors.map(({ next }) => next),
          max,
        ],
      ),

    attend: (member) =>
      query<Assignment>('select * from attend($1, $2, $3, $4, $5, $6, $7)', [
        member.group,
        member.topics,
        member.id,
        member.leaseSeconds,
        member.fromEnd,
        member.ephemeral,
        groupChannel(member.group),
      ]),

    async commit(member, { topic, partition, epoch }, next) {
      const rows = await query<{ held: boolean }>('select commit_offset($1, $2, $3, $4, $5, $6) as held', [
        member.group,
        topic,
        partition,
        member.id,
        epoch,
        next,
      ]);
      return rows[0]?.held === true;
    },

    async release(member, { topic, partition }) {
      await query('select release_partition($1, $2, $3, $4, $5)', [
        member.group,
        topic,
        partition,
        member.id,
        groupChannel(member.group),
      ]);
    },

    async leave(member) {
      await query('select leave($1, $2, $3)', [member.group, member.id, groupChannel(member.group)]);
    },

    async dismissAll() {
      await query('select dismiss_all()');
    },

    async sweep() {
      const rows = await query<{ removed: number }>('select sweep() as removed');
      return rows[0]?.removed ?? 0;
    },

    lag: () =>
      query<GroupLag>(
        `select g.group_name as "group", g.topic, sum(p.next_offset - g.committed)::bigint as messages
         from group_offsets g join partitions p using (topic, partition)
         group by g.group_name, g.topic order by g.group_name, g.topic`,
      ),

    async ping() {
      await query('select 1');
    },
  };
};

const reaching = async <T>(work: () => Promise<T>): Promise<T> => {
  try {
    return await work();
  } catch (error) {
    throw isRefusal(error) ? error : messagingUnavailable(error);
  }
};

/** The server understood and said no, which is no matter of its being away. */
const isRefusal = (error: unknown): boolean =>
  isWaybillError(error) ? error.kind !== 'unavailable' : error instanceof pg.DatabaseError && !isTransient(error);
