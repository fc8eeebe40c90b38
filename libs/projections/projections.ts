import type { EventStore, Position } from '@waybill/event-store';
import { newId, WaybillError, within } from '@waybill/kernel';
import { createBell, type Database, leaseMigrations, migrate } from '@waybill/postgres';
import {
  beginRebuild,
  dropRetired,
  ensureGeneration,
  type Generation,
  generationMigrations,
  listGenerations,
  schemaOf,
  versionOf,
} from './generations.js';
import type { Projection, ProjectionStatus } from './projection.js';
import { type Runner, startRunner } from './runner.js';

export interface ProjectionsOptions {
  readonly database: Database;
  readonly store: EventStore;
  readonly projections: readonly Projection[];
}

/** The read models of one service. Any number of processes may open them; each is run by one at a time. */
export interface Projections {
  start(): Promise<void>;
  /** Lets the batch in hand end, and gives up what it runs to other processes. */
  stop(): Promise<void>;
  /**
   * Resolves once readers see everything up to a position.
   * Errors (WaybillError slugs): `projection-behind` (unavailable: the time is over), `position-malformed` and
   * `position-beyond-log` (malformed).
   */
  waitFor(name: string, position: Position, timeoutMs: number): Promise<void>;
  waitForAll(position: Position, timeoutMs: number): Promise<void>;
  /**
   * Builds a projection anew beside the one that readers see, and resolves when they see the new one.
   * Errors (WaybillError slugs): `projection-rebuilding` (conflict), `projections-stopped` (unavailable).
   */
  rebuild(name: string): Promise<void>;
  status(): Promise<readonly ProjectionStatus[]>;
}

const NAME = /^[a-z][a-z0-9_]*$/;
/** Of an identifier in PostgreSQL; the number of the generation takes its part. */
const LONGEST_SCHEMA = 63;

/** How often this process looks for generations that others began or retired. */
const LOOK_MS = 2_000;

/** How often a waiter looks where a projection is that another process runs. */
const WAIT_MS = 50;

export const openProjections = async (options: ProjectionsOptions): Promise<Projections> => {
  const { database, store, projections } = options;
  const byName = new Map(projections.map((projection) => [projection.name, projection]));
  checkNames(database, projections);
  await migrate(database, 'leases', leaseMigrations);
  await migrate(database, 'projections', generationMigrations);
  for (const projection of projections) await ensureGeneration(database, projection, store.start);

  const owner = newId();
  const runners = new Map<string, Runner>();
  const progress = new Set<() => void>();
  const bell = createBell();
  let state: 'new' | 'running' | 'stopped' = 'new';
  let looking = Promise.resolve();
  let unhear = (): void => undefined;

  const find = (name: string): Projection => {
    const projection = byName.get(name);
    if (projection === undefined) throw new Error(`no projection is named ${name}`);
    return projection;
  };

  const look = async (): Promise<void> => {
    while (state === 'running') {
      await runWhatThereIs().catch(() => undefined); // the database is away: the runners say so, and we look again
      await bell.wait(LOOK_MS);
    }
  };

  const runWhatThereIs = async (): Promise<void> => {
    for (const generation of await listGenerations(database)) {
      const projection = byName.get(generation.projection);
      const key = schemaOf(database, generation);
      if (!projection || versionOf(projection) !== generation.version || runners.has(key)) continue;
      const runner = startRunner({
        database,
        store,
        projection,
        generation,
        owner,
        onProgress: () => progress.forEach((tell) => tell()),
        onLive: () => void dropRetired(database, projection.name).catch(() => false), // the next start tries again
      });
      runners.set(key, runner);
      void runner.ended.then(() => {
        runners.delete(key);
        bell.ring();
      });
    }
  };

  const runnerOf = (generation: Generation | undefined): Runner | undefined =>
    generation && runners.get(schemaOf(database, generation));

  /** Those that have not seen everything up to the position, each with what its runner fails on. */
  const behind = async (names: readonly string[], position: Position): Promise<readonly Behind[]> => {
    const generations = await listGenerations(database);
    return names.flatMap((name) => {
      const live = generations.find((generation) => generation.projection === name && generation.state === 'live');
      const runner = runnerOf(live);
      const isThere = live !== undefined && store.compare(runner?.position() ?? live.position, position) >= 0;
      return isThere ? [] : [{ name, error: runner?.error() }];
    });
  };

  const wait = async (names: readonly string[], position: Position, timeoutMs: number): Promise<void> => {
    const deadline = Date.now() + timeoutMs;
    const head = await within(timeoutMs, store.head(), logDoesNotAnswer); // one that is away takes its own time to say so
    if (store.compare(position, head) > 0) throw beyondLog();
    for (;;) {
      const moved = createBell();
      progress.add(moved.ring);
      try {
        const late = await behind(names, position);
        if (late.length === 0) return;
        const left = deadline - Date.now();
        if (left <= 0) throw projectionBehind(late);
        runners.forEach((runner) => runner.ring());
        await moved.wait(Math.min(WAIT_MS, left));
      } finally {
        progress.delete(moved.ring);
      }
    }
  };

  const statusOf = async (
    projection: Projection,
    generations: readonly Generation[],
    head: Position,
  ): Promise<ProjectionStatus> => {
    const mine = generations.filter(({ projection: name }) => name === projection.name);
    const live = mine.find((generation) => generation.state === 'live');
    const building = mine.find((generation) => generation.state === 'building');
    const position = runnerOf(live)?.position() ?? live?.position ?? store.start;
    const { events } = await store.readAll(position, { max: 1 });
    const [oldest] = events;
    const error = runnerOf(live)?.error() ?? runnerOf(building)?.error();
    return {
      name: projection.name,
      version: live?.version ?? versionOf(projection),
      state: building ? 'rebuilding' : (live?.version ?? 0) > versionOf(projection) ? 'superseded' : 'live',
      active: runnerOf(live)?.position() !== undefined,
      position,
      lagSeconds: oldest ? Math.max(0, (Date.now() - Date.parse(oldest.recordedAt)) / 1000) : 0,
      lagPositions: oldest ? Number(BigInt(head) - BigInt(position)) : 0,
      ...(error === undefined ? {} : { error }),
    };
  };

  return {
    async start() {
      if (state !== 'new') return;
      state = 'running';
      for (const { name } of projections) await dropRetired(database, name);
      unhear = store.onAppended(() => runners.forEach((runner) => runner.ring()));
      await runWhatThereIs();
      looking = look();
    },

    async stop() {
      state = 'stopped';
      unhear();
      bell.ring();
      await looking;
      await Promise.all([...runners.values()].map((runner) => runner.stop()));
    },

    waitFor: (name, position, timeoutMs) => wait([find(name).name], position, timeoutMs),
    waitForAll: (position, timeoutMs) => wait([...byName.keys()], position, timeoutMs),

    async rebuild(name) {
      await beginRebuild(database, find(name), store.start);
      bell.ring();
      while (state === 'running') {
        const generations = await listGenerations(database);
        if (!generations.some((one) => one.projection === name && one.state === 'building')) return;
        await new Promise((resolve) => setTimeout(resolve, WAIT_MS));
      }
      throw new WaybillError(
        'projections-stopped',
        'unavailable',
        `The rebuilding of ${name} goes on when the service runs again.`,
      );
    },

    async status() {
      const [generations, head] = await Promise.all([listGenerations(database), store.head()]);
      return Promise.all(projections.map((projection) => statusOf(projection, generations, head)));
    },
  };
};

const checkNames = (database: Database, projections: readonly Projection[]): void => {
  const names = projections.map(({ name }) => name);
  for (const name of names) {
    const schema = schemaOf(database, { projection: name, generation: 999_999 });
    if (!NAME.test(name) || schema.length > LONGEST_SCHEMA) throw new Error(`not a name for a projection: ${name}`);
    if (names.indexOf(name) !== names.lastIndexOf(name)) throw new Error(`two projections are named ${name}`);
  }
};

interface Behind {
  readonly name: string;
  readonly error: string | undefined;
}

/** Its cause is what holds a read model up, if anything does: without one it is on its way. */
const projectionBehind = (late: readonly Behind[]): WaybillError => {
  const failing = late.find(({ error }) => error !== undefined);
  return new WaybillError(
    'projection-behind',
    'unavailable',
    `What was asked for (${late.map(({ name }) => name).join(', ')}) does not show that change yet; try again shortly.`,
    { retryAfterSeconds: 1, ...(failing && { cause: new Error(`${failing.name}: ${failing.error}`) }) },
  );
};

const logDoesNotAnswer = (): WaybillError =>
  new WaybillError('event-store-unavailable', 'unavailable', 'The event log does not answer. Try again shortly.', {
    retryAfterSeconds: 1,
  });

const beyondLog = (): WaybillError =>
  new WaybillError(
    'position-beyond-log',
    'malformed',
    'This position is beyond the end of the log. Send one that this service answered with.',
  );
