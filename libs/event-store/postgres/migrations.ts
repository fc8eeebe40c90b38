import type { Migration } from '@waybill/postgres';

/**
 * One log per schema. `data` and `metadata` are json, not jsonb: what was written is what is kept, to the byte.
 *
 * Every writer holds one lock from before it looks until its commit is visible. So positions appear in the order of
 * commits and a reader that follows them skips nothing; they have no gaps; and what is checked under the lock cannot
 * change before the insert. It is the last lock taken and nothing but the commit comes after, so it is held for one disk
 * flush.
 *
 * Two indexes, since each costs every append: readers of a category look through the log (postgres-event-store.ts), and
 * an event that was appended before is found where its writer expected to write it.
 *
 * Streams are not deleted, and every writer expects something: `deleted_streams` stays empty and `delete_stream` uncalled.
 */
export const migrations: readonly Migration[] = [
  {
    name: '001-log',
    sql: `
      create table events (
        position    bigint primary key,
        stream      text collate "C" not null, -- compared by bytes, whatever the database's language
        revision    bigint not null,
        id          uuid not null,
        type        text not null,
        data        json not null,
        metadata    json not null,
        recorded_at timestamptz not null,
        unique (stream, revision)
      );

      create table deleted_streams (stream text collate "C" primary key, deleted_at timestamptz not null default now());

      -- These are plpgsql, whose plans a session keeps; a function in sql would be planned in every append.
      create function lock_log() returns void language plpgsql as $$
      begin
        perform pg_advisory_xact_lock(hashtext('waybill log'), hashtext(current_schema()));
      end $$;

      create function announce() returns void language plpgsql as $$
      begin
        perform pg_notify(current_schema() || '_events', '');
      end $$;

      -- -1 is a stream that does not exist.
      create function last_revision(of_stream text) returns bigint language sql stable as $$
        select coalesce((select revision from events where stream = of_stream order by revision desc limit 1), -1)
      $$;

      -- Several appends in one transaction share its flush; each succeeds or fails by itself. One entry per append:
      -- streams, expected (a revision, -1 for a new stream, null for any) and sizes; their events follow each other in
      -- the rest. announced: whether listeners are told. Answers one row per append, in order.
      -- outcome: appended | duplicate | conflict | deleted.
      -- data and metadata come as text, since taking json apart would decode what json may hold and text may not (NUL).
      create function append_events(
        streams text[], expected bigint[], sizes int[], ids uuid[], types text[], data text[], metadata text[],
        announced boolean)
        returns table (outcome text, revision bigint, "position" bigint) language plpgsql as $$
      #variable_conflict use_column
      declare
        name text;
        first int := 1;
        last int;
        current bigint;
        deleted boolean;
        head bigint;
        earlier bigint;
        recorded timestamptz;
      begin
        perform lock_log();
        head := (select coalesce(max(e.position), 0) from events e);
        recorded := clock_timestamp();
        for i in 1 .. cardinality(streams) loop
          name := streams[i];
          last := first + sizes[i] - 1;
          select last_revision(name), exists (select from deleted_streams d where d.stream = name) into current, deleted;
          earlier := null;
          if expected[i] is distinct from current and current >= 0 then
            earlier := earlier_append(name, expected[i], ids[first:last]);
          end if;

          if deleted then
            outcome := 'deleted'; revision := null; position := null;
          elsif earlier is not null then
            outcome := 'duplicate'; revision := earlier;
            position := (select e.position from events e where e.stream = name and e.revision = earlier);
          elsif expected[i] <> current then
            outcome := 'conflict'; revision := current; position := null;
          else
            for n in first .. last loop
              head := head + 1;
              current := current + 1;
              insert into events (position, stream, revision, id, type, data, metadata, recorded_at)
              values (head, name, current, ids[n], types[n], data[n]::json, metadata[n]::json, recorded);
            end loop;
            outcome := 'appended'; revision := current; position := head;
          end if;
          return next;
          first := last + 1;
        end loop;
        if announced then perform announce(); end if;
      end $$;

      -- The last revision of these events, if the stream holds them where their writer expected to write them. A writer
      -- that expected nothing may have written them anywhere: that looks through the stream.
      create function earlier_append(of_stream text, expected bigint, ids uuid[]) returns bigint language sql stable as $$
        select max(e.revision)
        from unnest(ids) with ordinality as given (id, n)
        join events e on e.stream = of_stream and e.id = given.id and e.revision = n + coalesce(
          expected,
          (select revision - 1 from events where stream = of_stream and id = ids[1] order by revision desc limit 1))
        having count(*) = cardinality(ids)
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
