-- What a node reads to repair what it did not hear: by key, many at once, one row per input by place.

-- Entries after a seq, rising, and the head. A conversation that does not exist has no row.
create function utalk.read_after_many(p_keys bigint[], p_after bigint[], p_limits integer[])
returns table (place bigint, id text, head bigint, entries json) language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  return query
    select i.place, c.id, greatest(h.seq, c.archived_seq, 0), (
      select json_agg(x.value order by x.seq) from (
        select e.seq, e.value from utalk.entry_values e where e.conversation = i.key and e.seq > i.after order by e.seq limit i.lim) x)
    from unnest(p_keys, p_after, p_limits) with ordinality as i (key, after, lim, place)
    join lateral (select x.id, x.archived_seq from utalk.conversations x where x.key = i.key limit 1) c on true
    left join lateral (select e.seq from utalk.entries e where e.conversation = i.key order by e.seq desc limit 1) h on true;
end $$;
drop function utalk.read_after(bigint, bigint, integer);

-- Members with a watermark (a read raises delivered, too), as [id, read, delivered], at most `p_limit` a conversation. No row for
-- inboxes and unknown keys.
create function utalk.read_watermarks(p_keys bigint[], p_limit integer)
returns table (place bigint, key bigint, id text, members json) language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  return query
    select i.place, i.key, c.id, (
      select json_agg(json_build_array(u.id, m.read_seq, m.delivered_seq) order by m.member)
      from (
        select x.member, x.read_seq, x.delivered_seq from utalk.members x
        where x.conversation = i.key and x.delivered_seq > 0 order by x.member limit p_limit) m
      join lateral (select x.id from utalk.users x where x.key = m.member limit 1) u on true)
    from unnest(p_keys) with ordinality as i (key, place)
    join lateral (select x.id, x.kind from utalk.conversations x where x.key = i.key limit 1) c on c.kind = 0;
end $$;

-- Records and members in the order they were added. No row for inboxes and unknown keys.
create function utalk.load_conversations_by_key(p_keys bigint[])
returns table (place bigint, value json, members json) language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  return query
    select i.place, c.value, (select json_agg(m.value order by m.added) from utalk.member_values m where m.conversation = i.key)
    from unnest(p_keys) with ordinality as i (key, place)
    join lateral (select x.value, x.kind from utalk.conversation_values x where x.key = i.key limit 1) c on c.kind = 0;
end $$;
