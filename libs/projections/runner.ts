import { type EventStore, upcast } from '@waybill/event-store';
import { messageOf, type RecordedEvent } from '@waybill/kernel';
import {
  acquireLease,
  backoff,
  createBell,
  type Database,
  endLease,
  keepLease,
  type Lease,
  pause,
  releaseLease,
} from '@waybill/postgres';
import { type Generation, leaseName, schemaOf, switchTo } from './generations.js';
import type { Projection } from './projection.js';

export interface RunnerOptions {
  readonly database: Database;
  readonly store: EventStore;
  readonly projection: Projection;
  readonly generation: Generation;
  /** Of this process. */
  readonly owner: string;
  /** Called after every move of the checkpoint. */
  readonly onProgress: () => void;
  /** Called when readers see this generation from now on. */
  readonly onLive: () => void;
}

/** Keeps one generation of a projection up to date, while this process is the one that does. */
export interface Runner {
  /** Where it is, known only to the process that runs it. */
  position(): string | undefined;
  error(): string | undefined;
  /** There may be events. */
  ring(): void;
  /** Settles when the generation is gone, or after `stop`. */
  readonly ended: Promise<void>;
  stop(): Promise<void>;
}

const LEASE_SECONDS = 15;
const STANDBY_MS = 2_000;

/** Events per transaction; fewer after a failure, so that the event that fails is found and named. */
const LARGEST_BATCH = 500;

/** Polling is the truth: quick after the last event, then ever slower. */
const FIRST_POLL_MS = 50;
const LONGEST_POLL_MS = 1_000;

const FIRST_RETRY_MS = 100;
/** Questions that wait for a position are refused for as long as this after an outage. */
const LONGEST_RETRY_MS = 5_000;

export const startRunner = (options: RunnerOptions): Runner => {
  const { database, store, projection, generation, owner, onProgress, onLive } = options;
  const name = leaseName(generation);
  const bell = createBell();
  const over = new AbortController();
  let position: string | undefined;
  let error: string | undefined;
  let failures = 0;
  let batch = LARGEST_BATCH;

  const run = async (): Promise<void> => {
    while (!over.signal.aborted) {
      try {
        const lease = await acquireLease(database, name, owner, LEASE_SECONDS);
        if (lease) {
          await lead(lease);
        } else {
          error = undefined; // whoever has it answers for it
          await bell.wait(STANDBY_MS);
        }
      } catch (failure) {
        if (failure instanceof GenerationGone) return;
        await retryLater(failure);
      }
    }
  };

  const retryLater = async (failure: unknown): Promise<void> => {
    error = messageOf(failure);
    failures += 1;
    batch = Math.max(1, Math.floor(batch / 8));
    await pause(backoff(failures, FIRST_RETRY_MS, LONGEST_RETRY_MS), over.signal);
  };

  const succeeded = (): void => {
    error = undefined;
    failures = 0;
    batch = Math.min(LARGEST_BATCH, batch * 2);
  };

  /** Runs until the lease is lost, the process stops, or something fails. */
  const lead = async (lease: Lease): Promise<void> => {
    try {
      using kept = keepLease(database, lease, LEASE_SECONDS); // without it, the checkpoint does not move
      let isLive = generation.state === 'live';
      let idle = 0;
      let at = await loadPosition(database, generation);
      position = at;
      while (!kept.lost.aborted && !over.signal.aborted) {
        const slice = await store.readAll(at, { categories: projection.categories, max: batch });
        if (slice.position !== at) {
          await apply(database, options, lease, slice.events, slice.position);
          position = at = slice.position;
          onProgress();
        }
        succeeded();
        if (!slice.atEnd) continue;
        if (!isLive && (isLive = await switchTo(database, generation, lease, store.compare.bind(store)))) onLive();
        idle = slice.events.length > 0 ? 1 : idle + 1;
        await bell.wait(Math.min(LONGEST_POLL_MS, FIRST_POLL_MS * 2 ** Math.min(idle, 10)));
      }
    } catch (failure) {
      // Its row was made anew, maybe after the cleanup that went with that generation: nobody else would before the next start.
      if (failure instanceof GenerationGone) await endLease(database, lease).catch(() => undefined);
      throw failure;
    } finally {
      position = undefined;
      if (over.signal.aborted) await releaseLease(database, lease).catch(() => undefined); // else it runs out
    }
  };

  const ended = run();
  return {
    position: () => position,
    error: () => error,
    ring: bell.ring,
    ended,
    async stop() {
      over.abort();
      bell.ring();
      await ended;
    },
  };
};

/** Rows and checkpoint together, and only while the lease is held. */
const apply = (
  database: Database,
  { projection, generation }: RunnerOptions,
  lease: Lease,
  events: readonly RecordedEvent[],
  position: string,
): Promise<void> =>
  database.transaction(async (client) => {
    // Losing the last commits in a crash of the server loses rows and checkpoint alike: they are made again from the log.
    await client.query(
      `set local search_path = ${schemaOf(database, generation)}, ${database.schema}; set local synchronous_commit = off`,
    );
    if (events.length > 0) {
      await handle(
        projection,
        client,
        events.map((event) => upcast(projection.upcasters, event)),
      );
    }
    const { rowCount } = await client.query(
      `update ${database.schema}.projection_generations set position = $1
       where projection = $2 and generation = $3
         and exists (select from ${database.schema}.leases where name = $4 and owner = $5 and epoch = $6 for share)`,
      [position, generation.projection, generation.generation, lease.name, lease.owner, lease.epoch],
    );
    if (rowCount !== 1) throw new Error('this process no longer runs it');
  });

const handle: (projection: Projection, ...args: Parameters<Projection['handle']>) => Promise<void> = async (
  projection,
  client,
  events,
) => {
  try {
    await projection.handle(client, events);
  } catch (cause) {
    const [event] = events;
    if (events.length > 1 || !event) throw cause;
    throw new Error(`at ${event.type} (revision ${event.revision} of ${event.stream}): ${messageOf(cause)}`, { cause });
  }
};

class GenerationGone extends Error {}

const loadPosition = async (database: Database, { projection, generation }: Generation): Promise<string> => {
  const { rows } = await database.pool.query<{ position: string }>(
    'select position from projection_generations where projection = $1 and generation = $2',
    [projection, generation],
  );
  if (rows[0] === undefined) throw new GenerationGone(`generation ${generation} of ${projection} was replaced`);
  return rows[0].position;
};
