-- Making conversations and changing their members. Each is one call, so that no node can stop between lock and commit.

-- Keys of the users with these ids, in the order given, each once; strangers become customers with their id as name.
create function utalk.users_by_id(p_tenant text, p_ids text[], p_workspace text)
returns bigint[] language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  l_fresh text[];
begin
  select array_agg(i.id) into l_fresh
    from unnest(p_ids) as i (id)
    left join lateral (select x.key from utalk.users x where x.tenant = p_tenant and x.id = i.id limit 1) u on true
    where u.key is null;
  if l_fresh is not null then
    perform utalk.add_users(array_fill(p_tenant, array[cardinality(l_fresh)]), l_fresh, l_fresh, array_fill(0::smallint, array[cardinality(l_fresh)]),
      array_fill(p_workspace, array[cardinality(l_fresh)]), array_fill(null::text, array[cardinality(l_fresh)]));
  end if;
  return (
    select coalesce(array_agg(x.key order by x.place), '{}')
    from (
      select u.key, min(i.place) as place
      from unnest(p_ids) with ordinality as i (id, place)
      join lateral (select y.key from utalk.users y where y.tenant = p_tenant and y.id = i.id limit 1) u on true
      group by u.key) x);
end $$;

-- `outcome`: created, existing (made before by the same creator), reused (made by another), full. A repeat of a lost reply
-- finds what it made.
create function utalk.create_conversation(
  p_node text, p_call bigint, p_tenant text, p_id text, p_creator bigint, p_workspace text, p_channel text, p_subject text,
  p_member_cap integer, p_member_ids text[], p_creator_is_member boolean,
  out outcome text, out conversation json, out members json)
language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set lock_timeout = '5s'
as $$
declare
  l_key bigint;
  l_creator bigint;
  l_members bigint[];
  l_at timestamptz := date_trunc('milliseconds', clock_timestamp());
begin
  select c.key, c.created_by into l_key, l_creator from utalk.conversations c where c.tenant = p_tenant and c.id = p_id;
  if l_key is null then
    l_members := utalk.users_by_id(p_tenant, p_member_ids, p_workspace);
    if p_creator_is_member then
      l_members := array[p_creator] || array_remove(l_members, p_creator);
    end if;
    if cardinality(l_members) > p_member_cap then
      outcome := 'full';
      return;
    end if;
    insert into utalk.conversations (tenant, id, workspace, channel, subject, member_cap, member_count, created_by, created_at)
      values (p_tenant, p_id, p_workspace, p_channel, p_subject, p_member_cap, cardinality(l_members), p_creator, l_at)
      on conflict (tenant, id) do nothing returning key into l_key;
    if l_key is not null then
      insert into utalk.members (conversation, member) select l_key, i.member from unnest(l_members) with ordinality as i (member, place) order by i.place;
      insert into utalk.activity (conversation, tenant, workspace, status, last_at) values (l_key, p_tenant, p_workspace, 'open', l_at);
      insert into utalk.changes (call, node, kind, keys) values (p_call, p_node, 'create', array[l_key]);
      outcome := 'created';
    else
      -- Another call was first and has committed: the insert waited for it.
      select c.key, c.created_by into l_key, l_creator from utalk.conversations c where c.tenant = p_tenant and c.id = p_id;
    end if;
  end if;
  if outcome is null then
    outcome := case when l_creator = p_creator then 'existing' else 'reused' end;
  end if;
  if outcome = 'reused' then
    return;
  end if;
  conversation := (select v.value from utalk.conversation_values v where v.key = l_key);
  members := (select json_agg(v.value order by v.added) from utalk.member_values v where v.conversation = l_key);
end $$;

-- A system entry under the lock that the caller holds; answers its seq. Its id is its message id, too.
create function utalk.append_system(p_conversation bigint, p_sender bigint, p_role smallint, p_id uuid, p_at timestamptz, p_metadata jsonb)
returns bigint language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  l_seq bigint;
begin
  insert into utalk.entries (conversation, seq, sender, at, type, sender_role, id, message_id, body_hash, metadata)
    select p_conversation, greatest(h.seq, c.archived_seq, 0) + 1, p_sender, p_at, 6, p_role, p_id, p_id, '00000000-0000-0000-0000-000000000000', p_metadata
    from utalk.conversations c
    left join lateral (select e.seq from utalk.entries e where e.conversation = c.key order by e.seq desc limit 1) h on true
    where c.key = p_conversation
    returning seq into l_seq;
  return l_seq;
end $$;

-- `outcome`: missing, stale, archived, full, unchanged, changed. `p_ids`: two ids for the entries. Who is named in both lists
-- is removed.
create function utalk.change_members(
  p_node text, p_call bigint, p_tenant text, p_conversation bigint, p_actor bigint, p_role smallint, p_version integer,
  p_add text[], p_remove text[], p_reason text, p_ids uuid[],
  out outcome text, out version integer, out conversation_id text, out entries json, out added json, out removed json)
language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set lock_timeout = '5s'
as $$
declare
  l_row utalk.conversations;
  l_added bigint[];
  l_removed bigint[];
  l_seqs bigint[] := '{}';
  l_at timestamptz;
begin
  -- By key alone: with the tenant in it the plan may walk all conversations of the tenant.
  select c.* into l_row from utalk.conversations c where c.key = p_conversation for no key update;
  if l_row.tenant is distinct from p_tenant then
    outcome := 'missing';
    return;
  end if;
  version := l_row.access_version;
  conversation_id := l_row.id;
  if version <> p_version then
    outcome := 'stale';
    return;
  end if;
  if l_row.status = 'archived' then
    outcome := 'archived';
    return;
  end if;
  select coalesce(array_agg(m.member order by m.added), '{}') into l_removed
    from (select distinct i.id from unnest(p_remove) as i (id)) r
    join lateral (select u.key from utalk.users u where u.tenant = p_tenant and u.id = r.id limit 1) u on true
    join lateral (select x.* from utalk.members x where x.conversation = p_conversation and x.member = u.key limit 1) m on true;
  select coalesce(array_agg(i.member order by i.place), '{}') into l_added
    from unnest(utalk.users_by_id(p_tenant, array(select a.id from unnest(p_add) with ordinality as a (id, place) where a.id <> all (p_remove) order by a.place),
      l_row.workspace)) with ordinality as i (member, place)
    left join lateral (select x.member from utalk.members x where x.conversation = p_conversation and x.member = i.member limit 1) m on true
    where m.member is null;
  if cardinality(l_added) > 0 and l_row.member_count + cardinality(l_added) - cardinality(l_removed) > l_row.member_cap then
    outcome := 'full';
    return;
  end if;
  outcome := case when cardinality(l_added) + cardinality(l_removed) > 0 then 'changed' else 'unchanged' end;
  added := '[]'; removed := '[]'; entries := '[]';
  if outcome = 'unchanged' then
    return;
  end if;
  version := version + 1;
  l_at := date_trunc('milliseconds', clock_timestamp());
  update utalk.conversations c set access_version = change_members.version, member_count = c.member_count + cardinality(l_added) - cardinality(l_removed)
    where c.key = p_conversation;
  if cardinality(l_added) > 0 then
    insert into utalk.members (conversation, member) select p_conversation, i.member from unnest(l_added) with ordinality as i (member, place) order by i.place;
    l_seqs := l_seqs || utalk.append_system(p_conversation, p_actor, p_role, p_ids[1], l_at, utalk.member_event('member:added', l_added, p_reason, version));
    added := (
      select json_agg(v.value order by i.place) from unnest(l_added) with ordinality as i (member, place)
      join lateral (select x.value from utalk.member_values x where x.conversation = p_conversation and x.member = i.member limit 1) v on true);
  end if;
  if cardinality(l_removed) > 0 then
    delete from utalk.members m where m.conversation = p_conversation and m.member = any (l_removed);
    l_seqs := l_seqs || utalk.append_system(p_conversation, p_actor, p_role, p_ids[2], l_at, utalk.member_event('member:removed', l_removed, p_reason, version));
    removed := (
      select json_agg(json_build_array(i.key, u.id) order by i.place) from unnest(l_removed) with ordinality as i (key, place)
      join lateral (select x.id from utalk.users x where x.key = i.key limit 1) u on true);
  end if;
  insert into utalk.changes (call, node, kind, keys) values (p_call, p_node, 'members', array[p_conversation]);
  entries := (
    select json_agg(v.value order by i.seq) from unnest(l_seqs) as i (seq)
    join lateral (select x.value from utalk.entry_values x where x.conversation = p_conversation and x.seq = i.seq limit 1) v on true);
end $$;

create function utalk.member_event(p_event text, p_members bigint[], p_reason text, p_version integer)
returns jsonb language sql stable
set enable_seqscan = off
as $$
  select jsonb_strip_nulls(jsonb_build_object('event', p_event, 'reason', p_reason, 'accessVersion', p_version,
    'users', (select jsonb_agg(jsonb_build_object('userId', u.id, 'name', u.name, 'role',
        (array['customer', 'agent', 'admin', 'bot', 'service'])[u.role + 1]) order by i.place)
      from unnest(p_members) with ordinality as i (key, place) join lateral (select * from utalk.users x where x.key = i.key limit 1) u on true)))
$$;

create function utalk.load_conversations(p_tenants text[], p_ids text[])
returns table (place bigint, value json, members text) language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  return query
    select i.place, c.value, (select string_agg(m.member::text, ',') from utalk.members m where m.conversation = c.key)
    from unnest(p_tenants, p_ids) with ordinality as i (tenant, id, place)
    join lateral (select * from utalk.conversation_values x where x.tenant = i.tenant and x.id = i.id limit 1) c on true;
end $$;

-- A page of members by the order they were added; no row when there is no such conversation.
create function utalk.list_members(p_tenant text, p_conversation bigint, p_after bigint, p_limit integer)
returns table (member_count integer, members json) language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  return query
    select c.member_count, (
      select json_agg(json_build_array(p.added, p.value) order by p.added)
      from (select v.added, v.value from utalk.member_values v where v.conversation = c.key and v.added > p_after order by v.added limit p_limit) p)
    from (select * from utalk.conversations x where x.key = p_conversation limit 1) c
    where c.tenant = p_tenant;
end $$;
