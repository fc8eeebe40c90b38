import type { Migration } from '@waybill/postgres';

/**
 * The topic log. Its functions are its whole API, so that each call is one round trip and one transaction.
 * Offsets are counted per partition from 0 without gaps; `committed` and `next_offset` are the next one to come.
 */
export const messagingMigrations: readonly Migration[] = [
  {
    name: '001-topic-log',
    sql: `
      create table topics (name text primary key, partitions int not null, retention_ms bigint not null default 7 * 86400000);

      create table partitions (
        topic text not null references topics, partition int not null, next_offset bigint not null default 0,
        primary key (topic, partition)) with (fillfactor = 50);

      -- json, not jsonb: it keeps the text as it was given, NUL characters among it.
      create table messages (
        topic text not null, partition int not null, log_offset bigint not null,
        message json not null, published_at timestamptz not null default now(),
        primary key (topic, partition, log_offset));
      create index messages_by_age on messages using brin (published_at);

      create table members (
        group_name text not null, topic text not null, member text not null, expires_at timestamptz not null,
        primary key (group_name, topic, member));

      -- Owner and epoch are a fenced lease: only the holder of the newest epoch moves the offset.
      create table group_offsets (
        group_name text not null, topic text not null, partition int not null, committed bigint not null,
        owner text, epoch bigint not null default 0, expires_at timestamptz not null default now(),
        ephemeral boolean not null default false,
        primary key (group_name, topic, partition)) with (fillfactor = 50);

      create function publish(topics text[], partition_numbers int[], bodies text[], channels text[]) returns void
      language plpgsql as $$
      declare lock_key int;
      begin
        -- Held until the commit, so that offsets become visible in their order; taken in one order, against deadlocks.
        for lock_key in select distinct hashtext(current_schema() || '/' || t) as key from unnest(topics) as t order by key loop
          perform pg_advisory_xact_lock(hashtext('waybill topic'), lock_key);
        end loop;
        with batch as (
          select * from unnest(topics, partition_numbers, bodies) with ordinality as b (topic, partition, body, place)
        ), counted as (
          select topic, partition, count(*) as added from batch group by topic, partition
        ), moved as (
          update partitions p set next_offset = p.next_offset + c.added
          from counted c where p.topic = c.topic and p.partition = c.partition
          returning p.topic, p.partition, p.next_offset - c.added as first_offset
        )
        insert into messages (topic, partition, log_offset, message)
        select topic, partition, first_offset + row_number() over (partition by topic, partition order by place) - 1, body::json
        from batch join moved using (topic, partition);
        perform pg_notify(channel, '') from unnest(channels) as channel;
      end $$;

      -- A member's sign of life: renews its leases, takes free ones that are its share, answers all it holds.
      -- The share is the same whoever computes it: partition p of a topic goes to the member of rank p modulo their number.
      -- What is held and no longer due stays the holder's until it releases it; without topics it means to leave.
      create function attend(
        a_group text, a_topics text[], a_member text, lease_seconds double precision,
        from_end boolean, is_ephemeral boolean, group_channel text)
      returns table (topic text, partition int, committed bigint, epoch bigint, due boolean)
      language plpgsql as $$
      #variable_conflict use_column
      declare lease_end timestamptz;
      begin
        perform pg_advisory_xact_lock(hashtext('waybill group'), hashtext(current_schema() || '/' || a_group));
        lease_end := clock_timestamp() + make_interval(secs => lease_seconds);
        delete from members where group_name = a_group
          and (expires_at < clock_timestamp() or (member = a_member and topic <> all (a_topics)));
        insert into members (group_name, topic, member, expires_at)
          select a_group, t, a_member, lease_end from unnest(a_topics) as t on conflict do nothing;
        if found then perform pg_notify(group_channel, ''); end if;
        update members set expires_at = lease_end where group_name = a_group and member = a_member;
        insert into group_offsets (group_name, topic, partition, committed, ephemeral)
          select a_group, p.topic, p.partition, case when from_end then p.next_offset else 0 end, is_ephemeral
          from partitions p where p.topic = any (a_topics) on conflict do nothing;
        return query
          with ranked as (
            select m.topic, m.member, row_number() over (partition by m.topic order by m.member) - 1 as rank,
                   count(*) over (partition by m.topic) as members
            from members m where m.group_name = a_group
          ), shares as (
            select g.topic, g.partition,
                   coalesce((g.partition + (hashtext(g.topic) & 65535)) % r.members = r.rank, false) as due
            from group_offsets g left join ranked r on r.topic = g.topic and r.member = a_member
            where g.group_name = a_group
          )
          update group_offsets g
          set owner = a_member, expires_at = lease_end, epoch = g.epoch + (g.owner is distinct from a_member)::int
          from shares s
          where g.group_name = a_group and g.topic = s.topic and g.partition = s.partition
            and (g.owner = a_member or (s.due and (g.owner is null or g.expires_at < clock_timestamp())))
          returning g.topic, g.partition, g.committed, g.epoch, s.due;
      end $$;

      -- False when another member has taken the partition over. Need not reach the disk at once: a lost commit of an offset
      -- is a message handled again.
      create function commit_offset(
        a_group text, a_topic text, a_partition int, a_member text, an_epoch bigint, next_one bigint) returns boolean
      language plpgsql as $$
      begin
        perform set_config('synchronous_commit', 'off', true);
        update group_offsets set committed = next_one
          where group_name = a_group and topic = a_topic and partition = a_partition and owner = a_member and epoch = an_epoch;
        return found;
      end $$;

      create function release_partition(a_group text, a_topic text, a_partition int, a_member text, group_channel text) returns void
      language sql as $$
        update group_offsets set owner = null
          where group_name = a_group and topic = a_topic and partition = a_partition and owner = a_member;
        select pg_notify(group_channel, '');
      $$;

      create function leave(a_group text, a_member text, group_channel text) returns void
      language sql as $$
        delete from members where group_name = a_group and member = a_member;
        delete from group_offsets where group_name = a_group and ephemeral;
        update group_offsets set owner = null where group_name = a_group and owner = a_member;
        select pg_notify(group_channel, '');
      $$;

      create function dismiss_all() returns void
      language sql as $$
        delete from members;
        delete from group_offsets where ephemeral;
        update group_offsets set owner = null where owner is not null;
      $$;

      -- Removes what is older than its topic keeps and was handled by every group. A group counts no more when nobody renewed
      -- it for as long as the topic keeps messages, and at least a week; an ephemeral one after an hour.
      create function sweep() returns bigint
      language plpgsql as $$
      declare removed bigint;
      begin
        delete from members where expires_at < now();
        delete from group_offsets g using topics t where t.name = g.topic and g.expires_at < now() - case
          when g.ephemeral then interval '1 hour'
          else greatest(interval '7 days', make_interval(secs => t.retention_ms / 1000.0)) end;
        with passed as (
          select p.topic, p.partition, t.retention_ms, coalesce(min(g.committed), p.next_offset) as below
          from partitions p
          join topics t on t.name = p.topic
          left join group_offsets g on g.topic = p.topic and g.partition = p.partition
          group by p.topic, p.partition, t.retention_ms, p.next_offset
        )
        delete from messages m using passed
          where m.topic = passed.topic and m.partition = passed.partition and m.log_offset < passed.below
            and m.published_at < now() - make_interval(secs => passed.retention_ms / 1000.0);
        get diagnostics removed = row_count;
        return removed;
      end $$;`,
  },
];
