-- What joins, syncs, histories and lists read. The functions are STABLE, so all of one call comes from one snapshot.
--
-- Unread: entries of others after the read watermark, system entries not counted, up to a cap. Only the 5000 entries after the
-- watermark are looked at, so that a conversation in which one writes alone for days costs no more than others; beyond that
-- the count is a lower bound. In the same way the last message is looked for in the newest 1000 entries.

-- One row per input that exists, by place. `after` given: entries after it in rising order; else the newest ones below `before`
-- (null: the newest of all). When the client's last entry is not ours (`matches` false) the newest page is read instead. One
-- entry more than `limit` is returned when there is one. Entries end where `p_max_bytes` is reached, the one that reaches it
-- included; `cut` says so.
create function utalk.read_conversations(
  p_tenants text[], p_ids text[], p_users bigint[], p_after bigint[], p_before bigint[], p_limits integer[], p_after_ids text[], p_with_members boolean[],
  p_max_members integer, p_unread_cap integer, p_max_bytes integer)
returns table (place bigint, value json, is_member boolean, visible_from bigint, head bigint, matches boolean, entries json, cut boolean, members json,
  member_count integer, unread bigint)
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  return query
    select i.place, c.value, m.member is not null, v.visible_from, v.head, p.matches, g.entries, g.cut,
      (select json_agg(x.value order by x.added) from (
        select e.added, e.value from utalk.member_values e where i.with_members and e.conversation = c.key order by e.added limit p_max_members) x),
      c.member_count,
      (select count(*) from (
        select from (
          select e.sender, e.type from utalk.entries e
          where i.with_members and e.conversation = c.key and e.seq > m.read_seq order by e.seq limit 5000) n
        where n.sender <> i.member and n.type <> 6 limit p_unread_cap) x)
    from unnest(p_tenants, p_ids, p_users, p_after, p_before, p_limits, p_after_ids, p_with_members)
      with ordinality as i (tenant, id, member, after, before, lim, after_id, with_members, place)
    join lateral (select * from utalk.conversation_values x where x.tenant = i.tenant and x.id = i.id limit 1) c on true
    left join lateral (select * from utalk.members x where x.conversation = c.key and x.member = i.member limit 1) m on true
    left join lateral (select e.seq from utalk.entries e where e.conversation = c.key order by e.seq desc limit 1) h on true
    left join lateral (select e.id from utalk.entries e where i.after_id is not null and e.conversation = c.key and e.seq = i.after limit 1) a on true
    cross join lateral (select greatest(h.seq, c.archived_seq, 0) as head, coalesce(m.visible_from_seq, 1) as visible_from offset 0) v
    cross join lateral (select
      coalesce(i.after <= v.head and (i.after_id is null or i.after = 0 or a.id::text = i.after_id), i.after is null) as matches offset 0) w
    cross join lateral (select w.matches, i.after is not null and w.matches as rising offset 0) p
    cross join lateral (
      select json_agg(x.value order by x.seq) filter (where x.before < p_max_bytes) as entries, coalesce(bool_or(x.before >= p_max_bytes), false) as cut
      from (
        (select e.seq, e.value, coalesce(sum(e.size) over (order by e.seq rows between unbounded preceding and 1 preceding), 0) as before
          from utalk.entry_values e
          where p.rising and e.conversation = c.key and e.seq > greatest(i.after, v.visible_from - 1)
          order by e.seq limit i.lim + 1)
        union all
        (select e.seq, e.value, coalesce(sum(e.size) over (order by e.seq desc rows between unbounded preceding and 1 preceding), 0) as before
          from utalk.entry_values e
          where not p.rising and e.conversation = c.key and e.seq >= v.visible_from and e.seq < coalesce(i.before, 9223372036854775807)
          order by e.seq desc limit i.lim + 1)) x) g;
end $$;

create function utalk.read_after(p_conversation bigint, p_after bigint, p_limit integer, out id text, out head bigint, out entries json)
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
begin
  select c.id, greatest(h.seq, c.archived_seq, 0), (
      select json_agg(x.value order by x.seq) from (
        select e.seq, e.value from utalk.entry_values e where e.conversation = p_conversation and e.seq > p_after order by e.seq limit p_limit) x)
    into id, head, entries
    from utalk.conversations c
    left join lateral (select e.seq from utalk.entries e where e.conversation = c.key order by e.seq desc limit 1) h on true
    where c.key = p_conversation;
end $$;

create function utalk.seq_of(p_conversation bigint, p_id uuid) returns bigint language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
begin
  return (select e.seq from utalk.entries e where e.id = p_id and e.conversation = p_conversation);
end $$;

-- The page of a list, from its keys: one row each, in the order given. `p_member` null: nobody's view.
create function utalk.describe_conversations(p_keys bigint[], p_member bigint, p_unread_cap integer)
returns table (place bigint, value json, head bigint, read_seq bigint, unread bigint, updated_at bigint, last_message json)
language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  return query
    select i.place, c.value, greatest(h.seq, c.archived_seq, 0), coalesce(m.read_seq, 0),
      (select count(*) from (
        select from (
          select e.sender, e.type from utalk.entries e where e.conversation = c.key and e.seq > m.read_seq order by e.seq limit 5000) n
        where n.sender <> p_member and n.type <> 6 limit p_unread_cap) x),
      utalk.ms(greatest(h.at, c.created_at)),
      (select l.value from (
        select e.seq, e.type, e.value from utalk.entry_values e
        where e.conversation = c.key and e.seq >= coalesce(m.visible_from_seq, 1) order by e.seq desc limit 1000) l
        where l.type <> 6 order by l.seq desc limit 1)
    from unnest(p_keys) with ordinality as i (key, place)
    join lateral (select * from utalk.conversation_values x where x.key = i.key limit 1) c on true
    left join lateral (select * from utalk.members x where x.conversation = c.key and x.member = p_member limit 1) m on true
    left join lateral (select e.seq, e.at from utalk.entries e where e.conversation = c.key order by e.seq desc limit 1) h on true;
end $$;

-- Keys and times of a page, newest activity first, below the position (p_at, p_key). `p_assigned`: me, none, any or null.
create function utalk.list_conversations(
  p_tenant text, p_member bigint, p_scope text, p_workspace text, p_statuses text[], p_assigned text, p_at timestamptz, p_key bigint, p_limit integer)
returns table (key bigint, at bigint) language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  if p_scope = 'member' then
    return query
      select a.conversation, utalk.ms(a.last_at)
      from utalk.members m
      join lateral (select * from utalk.activity x where x.conversation = m.conversation limit 1) a on true
      left join lateral (select * from utalk.conversations x where p_assigned is not null and x.key = m.conversation limit 1) c on true
      where m.member = p_member and a.tenant = p_tenant and a.status = any (p_statuses) and (a.last_at, a.conversation) < (p_at, p_key)
        and case p_assigned when 'me' then c.assigned_agent = p_member when 'none' then c.assigned_agent is null when 'any' then c.assigned_agent is not null else true end
      order by a.last_at desc, a.conversation desc limit p_limit;
  elsif p_scope = 'workspace' then
    return query
      select p.conversation, utalk.ms(p.last_at)
      from unnest(p_statuses) as s (status)
      cross join lateral (
        select a.conversation, a.last_at
        from utalk.activity a
        left join lateral (select * from utalk.conversations x where p_assigned is not null and x.key = a.conversation limit 1) c on true
        where a.tenant = p_tenant and a.workspace = p_workspace and a.status = s.status and (a.last_at, a.conversation) < (p_at, p_key)
          and case p_assigned when 'me' then c.assigned_agent = p_member when 'none' then c.assigned_agent is null when 'any' then c.assigned_agent is not null else true end
        order by a.last_at desc, a.conversation desc limit p_limit) p
      order by p.last_at desc, p.conversation desc limit p_limit;
  else
    return query
      select p.conversation, utalk.ms(p.last_at)
      from unnest(p_statuses) as s (status)
      cross join lateral (
        select a.conversation, a.last_at
        from utalk.activity a
        left join lateral (select * from utalk.conversations x where p_assigned is not null and x.key = a.conversation limit 1) c on true
        where a.tenant = p_tenant and a.status = s.status and (a.last_at, a.conversation) < (p_at, p_key)
          and case p_assigned when 'me' then c.assigned_agent = p_member when 'none' then c.assigned_agent is null when 'any' then c.assigned_agent is not null else true end
        order by a.last_at desc, a.conversation desc limit p_limit) p
      order by p.last_at desc, p.conversation desc limit p_limit;
  end if;
end $$;

-- Per input: what `conversation:updated` says, with the unread count of each asked user (-1: no member), in the order asked.
create function utalk.summarize_conversations(p_keys bigint[], p_places integer[], p_users bigint[], p_unread_cap integer)
returns table (place bigint, value json, head bigint, updated_at bigint, last_message json, unread json) language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  return query
    with counted as materialized (
      select u.place, json_agg(case when m.member is null then -1 else (
          select count(*) from (
            select from (
              select e.sender, e.type from utalk.entries e where e.conversation = m.conversation and e.seq > m.read_seq order by e.seq limit 5000) n
            where n.sender <> u.member and n.type <> 6 limit p_unread_cap) x)
        end order by u.o) as unread
      from unnest(p_places, p_users) with ordinality as u (place, member, o)
      left join lateral (select * from utalk.members x where x.conversation = p_keys[u.place] and x.member = u.member limit 1) m on true
      group by u.place)
    select d.place, d.value, d.head, d.updated_at, d.last_message, n.unread
    from utalk.describe_conversations(p_keys, null, p_unread_cap) d
    left join counted n on n.place = d.place;
end $$;
