import { isWaybillError } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import { storeUnavailable } from '../failures.js';
import type { EncodedEvent } from '../new-events.js';
import type { ExpectedRevision } from '../port.js';
import { createAnnouncer } from './announcer.js';
import { writeFailure } from './errors.js';
import { queryWithin } from './query.js';

export interface AppendAnswer {
  readonly outcome: 'appended' | 'duplicate' | 'conflict';
  /** Of the last event; for a conflict, that of the stream. */
  readonly revision: string;
  readonly position: string;
}

export interface Appender {
  append(stream: string, events: readonly EncodedEvent[], expected: ExpectedRevision): Promise<AppendAnswer>;
  /** Lets what is in hand end. */
  close(): Promise<void>;
}

interface Pending {
  readonly stream: string;
  readonly expected: ExpectedRevision;
  readonly events: readonly EncodedEvent[];
  readonly resolve: (answer: AppendAnswer) => void;
  readonly reject: (error: Error) => void;
}

/** Bounds what one transaction takes (an append is at most 1 MB), so that one flush stays short. */
const BATCH_EVENTS = 500;

/**
 * Writers of a log take turns anyway. Those of this process wait here instead of at the database's lock, and all that
 * wait go together: one round trip, one transaction, one disk flush. A single writer never waits.
 */
export const createAppender = (database: Database, deadlineMs: number): Appender => {
  const announcer = createAnnouncer(database);
  const waiting: Pending[] = [];
  let writing: Promise<void> | undefined;

  const writeAll = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = takeBatch();
      try {
        await write(batch);
      } catch (error) {
        await settle(batch, writeFailure(error as Error));
      }
    }
    writing = undefined;
  };

  const settle = async (batch: readonly Pending[], failure: Error): Promise<void> => {
    if (isWaybillError(failure) || batch.length === 1) {
      batch.forEach(({ reject }) => reject(failure));
    } else {
      // One of them is not to the database's liking; the others must not suffer for it.
      for (const one of batch) await write([one]).catch((error: Error) => settle([one], writeFailure(error)));
    }
  };

  const takeBatch = (): Pending[] => {
    let count = 0;
    const end = waiting.findIndex(({ events }) => (count += events.length) > BATCH_EVENTS);
    return waiting.splice(0, end === -1 ? waiting.length : Math.max(end, 1));
  };

  const write = async (batch: readonly Pending[]): Promise<void> => {
    const client = await database.pool.connect().catch((error: Error) => Promise.reject(storeUnavailable(error)));
    let failure: Error | undefined;
    try {
      const answers = await queryWithin<AppendAnswer>(client, deadlineMs, {
        name: 'append_events',
        text: 'select outcome, revision::text, position::text from append_events($1, $2, $3, $4, $5, $6, $7, $8)',
        values: [...parametersOf(batch), announcer.isDue()],
      });
      batch.forEach(({ resolve, reject }, index) => {
        const answer = answers[index];
        if (answer) resolve(answer);
        else reject(new Error('append_events answered fewer rows than it was asked for'));
      });
    } catch (error) {
      failure = error as Error;
      throw error;
    } finally {
      client.release(failure);
    }
  };

  return {
    append: (stream, events, expected) =>
      new Promise((resolve, reject) => {
        waiting.push({ stream, events, expected, resolve, reject });
        writing ??= Promise.resolve().then(writeAll);
      }),
    async close() {
      await writing;
      await announcer.close();
    },
  };
};

const parametersOf = (batch: readonly Pending[]): unknown[] => {
  const events = batch.flatMap((append) => append.events);
  return [
    batch.map(({ stream }) => stream),
    batch.map(({ expected }) => (expected === 'no-stream' ? -1 : expected)),
    batch.map((append) => append.events.length),
    events.map(({ id }) => id),
    events.map(({ type }) => type),
    events.map(({ data }) => data),
    events.map(({ metadata }) => metadata),
  ];
};
