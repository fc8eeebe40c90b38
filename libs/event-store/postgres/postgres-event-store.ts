import type { EventMetadata, RecordedEvent } from '@waybill/kernel';
import { type Database, migrate, type Wakeups } from '@waybill/postgres';
import { revisionConflict } from '../failures.js';
import { checkExpected, checkStream, encodeEvents } from '../new-events.js';
import { checkPageSize, DEFAULT_PAGE } from '../pages.js';
import type { EventStore } from '../port.js';
import { checkPosition, comparePositions } from '../positions.js';
import { createAppender } from './appender.js';
import { readFailure } from './errors.js';
import { migrations } from './migrations.js';
import { queryWithin } from './query.js';

export interface PostgresEventStoreOptions {
  readonly database: Database;
  readonly wakeups: Wakeups;
  /** Of every statement, kept on this side. Default 10 s; a connection that has to be made first has the pool's own. */
  readonly deadlineMs?: number;
}

const START = '0';

/** The event log of one service: tables and functions in its schema. */
export const openPostgresEventStore = async (options: PostgresEventStoreOptions): Promise<EventStore> => {
  const { database, wakeups, deadlineMs = 10_000 } = options;
  await migrate(database, 'event-store', migrations);
  const appender = createAppender(database, deadlineMs);

  const read = async <Row extends object>(name: string, text: string, values: unknown[]): Promise<Row[]> => {
    try {
      return await queryWithin<Row>(database.pool, deadlineMs, { name, text, values });
    } catch (error) {
      throw readFailure(error as Error);
    }
  };

  return {
    start: START,
    compare: comparePositions,

    async append(stream, events, { expected }) {
      const { outcome, revision, position } = await appender.append(
        stream,
        encodeEvents(stream, events),
        checkExpected(expected),
      );
      if (outcome === 'conflict') throw revisionConflict(stream, Number(revision));
      return { revision: Number(revision), position };
    },

    async readStream(stream, { from, max = DEFAULT_PAGE, direction = 'forwards' } = {}) {
      checkStream(stream);
      checkPageSize(max);
      const forwards = direction === 'forwards';
      const rows = await read<EventRow & { last_revision: string }>(
        `read_stream_${direction}`,
        `select s::text as last_revision, ${COLUMNS}
         from last_revision($1) s
         left join lateral (
           select * from events where stream = $1 and revision ${forwards ? '>=' : '<='} $2
           order by revision ${forwards ? 'asc' : 'desc'} limit $3) e on true
         order by e.revision ${forwards ? 'asc' : 'desc'}`,
        [stream, from ?? (forwards ? 0 : Number.MAX_SAFE_INTEGER), max],
      );
      return {
        events: rows.filter(({ position }) => position !== null).map(toRecorded),
        lastRevision: Number(rows[0]?.last_revision ?? -1),
      };
    },

    async readAll(after, { categories, max = DEFAULT_PAGE } = {}) {
      checkPosition(after);
      checkPageSize(max);
      const rows = await (categories === undefined
        ? read<LogRow>('read_all', READ_ALL, [after, max])
        : read<LogRow>('read_categories', READ_CATEGORIES, [after, max, categories]));
      const events = rows.filter(({ position }) => position !== null).map(toRecorded);
      const { head = START, reached = after } = rows[0] ?? {};
      const position = events.length === max ? (events.at(-1)?.position ?? after) : reached;
      return { events, position, atEnd: comparePositions(position, head) >= 0 };
    },

    async head() {
      const rows = await read<{ head: string }>(
        'head',
        'select coalesce(max(position), 0)::text as head from events',
        [],
      );
      return rows[0]?.head ?? START;
    },

    onAppended: (listener) => wakeups.on(`${database.schema}_events`, listener),

    close: () => appender.close(),
  };
};

const COLUMNS = `e.position::text, e.stream, e.revision::text, e.id, e.type, e.data, e.metadata, e.recorded_at`;

/** How far a reader of some categories looks in one call. */
const WINDOW = 5_000;

/**
 * The head is of the same snapshot as the events, and there is a row for it when there is no event. `reached` is how far
 * was looked when fewer events than asked for were found.
 */
const readLog = (where: string, reach: string): string => `
  select h.head::text, greatest($1::bigint, ${reach})::text as reached, ${COLUMNS}
  from (select coalesce(max(position), 0) as head from events) h
  left join lateral (select * from events where position > $1 ${where} order by position limit $2) e on true
  order by e.position`;

const READ_ALL = readLog('', 'h.head');
const READ_CATEGORIES = readLog(
  `and position <= $1::bigint + ${WINDOW} and split_part(stream, '-', 1) = any ($3::text[])`,
  `least(h.head, $1::bigint + ${WINDOW})`,
);

interface EventRow {
  readonly position: string | null;
  readonly stream: string;
  readonly revision: string;
  readonly id: string;
  readonly type: string;
  readonly data: object;
  readonly metadata: EventMetadata;
  readonly recorded_at: Date;
}

interface LogRow extends EventRow {
  readonly head: string;
  readonly reached: string;
}

const toRecorded = (row: EventRow): RecordedEvent => ({
  id: row.id,
  stream: row.stream,
  revision: Number(row.revision),
  position: row.position ?? START,
  type: row.type,
  data: row.data,
  metadata: row.metadata,
  recordedAt: row.recorded_at.toISOString(),
});
