-- Which database this is and how far it has come; and the reader of `changes`.

-- `generation`: another one after a restore, a promotion or an import of the tables. `run`: another one after a crash, which
-- resets the statistics. `flushed`: what a crash cannot take back; lower than before only in an older state of the database.
create function utalk.lineage(out generation text, out run bigint, out flushed bigint) language sql stable
set enable_seqscan = off
as $$
  select concat_ws('-', c.system_identifier, substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8), 'utalk.entries'::regclass::oid),
    (date_part('epoch', pg_stat_get_bgwriter_stat_reset_time()) * 1000000)::bigint,
    (pg_current_wal_flush_lsn() - '0/0')::bigint
  from pg_control_system() c
$$;

-- What is visible now and was not in `p_snapshot`, without the calls heard of otherwise: `p_heard` has a multirange of call
-- numbers for each of `p_nodes`. One row more than `p_limit` when there are more. `usable` is false when the position cannot be
-- read from: taken in another database, in a state that is gone, or too long ago (changes are kept ten minutes).
--
-- A crash loses numbers of transactions that were rolled back, and they are given again: below the horizon of the snapshot,
-- where it calls them finished. Such rows are told by their time.
create function utalk.read_changes(
  p_generation text, p_run bigint, p_flushed bigint, p_at bigint, p_snapshot pg_snapshot, p_nodes text[], p_heard text[], p_limit integer,
  out generation text, out run bigint, out flushed bigint, out at bigint, out snapshot text, out usable boolean, out changes json)
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  l_crashed boolean;
  l_since timestamptz := to_timestamp(p_at / 1000.0);
  l_floor xid8;
begin
  select l.generation, l.run, l.flushed, utalk.ms(clock_timestamp()), pg_current_snapshot()::text
    into read_changes.generation, read_changes.run, read_changes.flushed, read_changes.at, read_changes.snapshot
    from utalk.lineage() l;
  usable := p_generation = read_changes.generation and p_flushed <= read_changes.flushed and read_changes.at - p_at < 540000;
  if usable is not true then
    return;
  end if;
  l_crashed := p_run <> read_changes.run;
  l_floor := pg_snapshot_xmin(p_snapshot);
  if l_crashed then
    l_floor := greatest(3, l_floor::text::bigint - 100000)::text::xid8;
  end if;
  with heard as materialized (
    select h.node, h.calls::int8multirange as calls from unnest(p_nodes, p_heard) as h (node, calls)
  )
  select json_agg(json_build_array(c.node, c.call, c.kind, c.keys) order by c.xid, c.at) into read_changes.changes
    from (
      select x.* from utalk.changes x
      where x.xid >= l_floor
        and (not pg_visible_in_snapshot(x.xid, p_snapshot) or l_crashed and x.at > l_since)
        -- Not as a join: that would compare the ranges of all nodes.
        and coalesce((select not x.call <@ h.calls from heard h where h.node = x.node limit 1), true)
      order by x.xid limit p_limit + 1) c;
end $$;

create function utalk.note_doubt(p_node text, p_call bigint) returns void language plpgsql volatile
as $$
begin
  insert into utalk.changes (call, node, kind, keys) values (p_call, p_node, 'doubt', '{}');
end $$;
