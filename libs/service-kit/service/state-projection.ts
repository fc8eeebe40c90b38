import { type StreamType, upcast } from '@waybill/event-store';
import type { DomainEvent, RecordedEvent, Scope } from '@waybill/kernel';
import type { Database } from '@waybill/postgres';
import type { Projection, ProjectionClient } from '@waybill/projections';
import { cursorMalformed, decodeCursor, type Page, pageOf, type PageQuery } from '../http/paging.js';

/**
 * The simplest read model: a row per stream that holds its folded state, by the very decider that decides. Lists filter on
 * members of the state; `indexes` (what follows `create index on <table>`) are for those that are asked often.
 */
export const stateProjection = <State, Command, Event extends DomainEvent>({
  name,
  streamType,
  version = 1,
  indexes = [],
}: {
  readonly name: string;
  readonly streamType: StreamType<State, Command, Event>;
  readonly version?: number;
  readonly indexes?: readonly string[];
}): Projection => ({
  name,
  version,
  categories: [streamType.category],
  tables: `
    create table ${name} (
      stream text primary key, tenant text not null, sandbox text not null, state jsonb not null,
      revision int not null, created_at timestamptz not null, created_by text not null, updated_at timestamptz not null);
    create index on ${name} (tenant, sandbox, created_at desc, stream);
    ${indexes.map((index) => `create index on ${name} ${index};`).join('\n')}`,
  async handle(client, events) {
    const rows = await rowsOf<State>(client, name, events);
    for (const event of events) {
      const known = rows.get(event.stream);
      if (known && event.revision <= known.revision) continue;
      const { data, type } = upcast(streamType.upcasters, event);
      rows.set(event.stream, {
        stream: event.stream,
        tenant: event.metadata.tenant,
        sandbox: event.metadata.sandbox,
        state: streamType.decider.evolve(known?.state ?? streamType.decider.initialState, { type, data } as Event),
        revision: event.revision,
        created_at: known?.created_at ?? event.metadata.occurredAt,
        created_by: known?.created_by ?? event.metadata.actor,
        updated_at: event.recordedAt,
      });
    }
    await client.query(
      `insert into ${name} select * from jsonb_populate_recordset(null::${name}, $1)
       on conflict (stream) do update
         set state = excluded.state, revision = excluded.revision, updated_at = excluded.updated_at`,
      [JSON.stringify([...rows.values()])],
    );
  },
});

interface Row<State> extends Scope {
  readonly stream: string;
  readonly state: State;
  readonly revision: number;
  readonly created_at: string;
  readonly created_by: string;
  readonly updated_at: string;
}

const rowsOf = async <State>(client: ProjectionClient, name: string, events: readonly RecordedEvent[]) => {
  const { rows } = await client.query<Row<State>>(`select * from ${name} where stream = any($1)`, [
    [...new Set(events.map(({ stream }) => stream))],
  ]);
  return new Map(rows.map((row) => [row.stream, row]));
};

/** A row of a list: the state, and when and by whom it began. */
export interface Listed<State> {
  readonly state: State;
  readonly revision: number;
  readonly createdAt: string;
  readonly createdBy: string;
  readonly updatedAt: string;
}

export interface StateFilter {
  /** Members of the state by dotted path; undefined values filter nothing. */
  readonly equals?: Readonly<Record<string, string | undefined>>;
  readonly in?: Readonly<Record<string, readonly string[]>>;
  /** Lists of the state that hold a value. */
  readonly has?: Readonly<Record<string, string | undefined>>;
  /** A text, found in any of these members whatever its case. */
  readonly contains?: { readonly search: string | undefined; readonly in: readonly string[] };
}

/** `credentials.address` → `state#>>'{credentials,address}'`. Paths are ours, never a client's. */
const textOf = (path: string): string => `state#>>'{${path.split('.').join(',')}}'`;
const jsonOf = (path: string): string => `state#>'{${path.split('.').join(',')}}'`;

/** `created_at` as it stands in cursors: with all its digits, and of a day that there is. */
const isCreatedKey = (key: unknown): boolean => {
  if (typeof key !== 'string' || !/\.\d{6}Z$/.test(key) || Number.isNaN(Date.parse(key))) return false;
  return new Date(key).toISOString().slice(0, 19) === key.slice(0, -8);
};

/** One page of a tenant's rows of a state projection, newest first. */
export const listStates = async <State>(
  database: Database,
  name: string,
  { tenant, sandbox }: Scope,
  { limit, cursor }: Pick<PageQuery, 'limit' | 'cursor'>,
  filter: StateFilter = {},
): Promise<Page<Listed<State>>> => {
  const values: unknown[] = [];
  const bind = (value: unknown): string => `$${values.push(value)}`;
  const conditions = [`tenant = ${bind(tenant)}`, `sandbox = ${bind(sandbox)}`];
  for (const [path, value] of Object.entries(filter.equals ?? {})) {
    if (value !== undefined) conditions.push(`${textOf(path)} = ${bind(value)}`);
  }
  for (const [path, known] of Object.entries(filter.in ?? {})) conditions.push(`${textOf(path)} = any(${bind(known)})`);
  for (const [path, value] of Object.entries(filter.has ?? {})) {
    if (value !== undefined) conditions.push(`${jsonOf(path)} @> to_jsonb(${bind(value)}::text)`);
  }
  const { search, in: places = [] } = filter.contains ?? {};
  if (search !== undefined && search !== '') {
    const wanted = bind(search.toLowerCase());
    conditions.push(
      `(${places.map((path) => `strpos(lower(coalesce(${textOf(path)}, '')), ${wanted}) > 0`).join(' or ')})`,
    );
  }
  const after = decodeCursor(cursor, 2);
  if (after && !isCreatedKey(after[0])) throw cursorMalformed();
  if (after) conditions.push(`(created_at, stream) < (${bind(after[0])}::timestamptz, ${bind(after[1])})`);
  const { rows } = await database.pool.query<Row<State> & { readonly created_key: string }>(
    `select state, revision, created_at, created_by, updated_at, stream,
            to_char(created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as created_key
     from ${name} where ${conditions.join(' and ')}
     order by created_at desc, stream desc limit ${bind(limit + 1)}`,
    values,
  );
  return pageOf(
    rows,
    limit,
    (row) => [row.created_key, row.stream],
    ({ state, revision, created_at, created_by, updated_at }) => ({
      state,
      revision,
      createdAt: new Date(created_at).toISOString(),
      createdBy: created_by,
      updatedAt: new Date(updated_at).toISOString(),
    }),
  );
};
