import type { Migration } from '@waybill/postgres';

/**
 * One log per schema. `data` and `metadata` are json, not jsonb: what was written is what is kept, to the byte.
 *
 * Every writer holds one lock from before it looks until its commit is visible. So positions appear in the order of
 * commits and a reader that follows them skips nothing; and what is checked under the lock cannot change before the
 * insert. It is the last lock taken and nothing but the commit comes after, so it is held for one disk flush.
 */
export const migrations: readonly Migration[] = [
  {
    name: '001-log',
    sql: `
      create table events (
        position    bigint primary key,
        stream      text not null,
        revision    bigint not null,
        id          uuid not null unique,
        category    text not null generated always as (split_part(stream, '-', 1)) stored,
        type        text not null,
        data        json not null,
        metadata    json not null,
        recorded_at timestamptz not null,
        unique (stream, revision)
      );
      create index events_by_category on events (category, position);

      create table deleted_streams (stream text primary key, deleted_at timestamptz not null default now());

      create function lock_log() returns void language sql as $$
        select pg_advisory_xact_lock(hashtext('waybill log'), hashtext(current_schema()))
      $$;

      -- -1 is a stream that does not exist.
      create function last_revision(of_stream text) returns bigint language sql stable as $$
        select coalesce((select revision from events where stream = of_stream order by revision desc limit 1), -1)
      $$;

      -- Several appends in one transaction share its flush; each succeeds or fails by itself. One entry per append:
      -- streams, expected (a revision, -1 for a new stream, null for any) and sizes; their events follow each other in
      -- the rest. Answers one row per append, in order: appended | duplicate | conflict | id-conflict | deleted.
      -- data and metadata come as text, since taking json apart would decode what json may hold and text may not (NUL).
      create function append_events(
        streams text[], expected bigint[], sizes int[], ids uuid[], types text[], data text[], metadata text[])
        returns table (outcome text, revision bigint, "position" bigint) language plpgsql as $$
      #variable_conflict use_column
      declare
        name text;
        first int := 1;
        last int;
        mine uuid[];
        current bigint;
        known bigint;
        head bigint;
        recorded timestamptz;
        written boolean := false;
      begin
        perform lock_log();
        head := coalesce((select max(e.position) from events e), 0);
        recorded := clock_timestamp();
        for i in 1 .. cardinality(streams) loop
          name := streams[i];
          last := first + sizes[i] - 1;
          mine := ids[first:last];
          current := last_revision(name);
          known := (select count(*) from events e where e.id = any(mine));

          if exists (select from deleted_streams d where d.stream = name) then
            outcome := 'deleted'; revision := null; position := null;
          elsif known = sizes[i] and is_the_append(name, expected[i], mine) then
            select 'duplicate', e.revision, e.position into outcome, revision, position
            from events e where e.id = ids[last];
          elsif expected[i] <> current then
            outcome := 'conflict'; revision := current; position := null;
          elsif known > 0 then
            outcome := 'id-conflict'; revision := null; position := null;
          else
            insert into events (position, stream, revision, id, type, data, metadata, recorded_at)
            select head + n, name, current + n, id, type, data::json, metadata::json, recorded
            from unnest(mine, types[first:last], data[first:last], metadata[first:last])
              with ordinality as given (id, type, data, metadata, n);
            head := head + sizes[i];
            outcome := 'appended'; revision := current + sizes[i]; position := head;
            written := true;
          end if;
          return next;
          first := last + 1;
        end loop;
        if written then perform pg_notify(current_schema() || '_events', ''); end if;
      end $$;

      -- Whether these ids, all known, follow each other in this stream from where the writer expected to write.
      create function is_the_append(of_stream text, expected bigint, ids uuid[]) returns boolean language sql stable as $$
        select bool_and(e.stream = of_stream and e.revision = first.revision + n - 1)
           and coalesce(min(first.revision) = expected + 1, true)
        from unnest(ids) with ordinality as given (id, n)
        join events e on e.id = given.id,
        (select revision from events where id = ids[1]) as first
      $$;

      -- outcome: deleted | conflict. expected: null for any revision.
      create function delete_stream(of_stream text, expected bigint)
        returns table (outcome text, revision bigint) language plpgsql as $$
      begin
        perform lock_log();
        revision := last_revision(of_stream);
        if exists (select from deleted_streams d where d.stream = of_stream) then
          outcome := 'deleted';
        elsif revision = -1 or expected <> revision then
          outcome := 'conflict';
        else
          insert into deleted_streams (stream) values (of_stream);
          outcome := 'deleted';
        end if;
        return next;
      end $$;`,
  },
];
