-- Users. The name, role and workspace of the last token count; active and tokens_valid_after belong to the store.

-- Makes users that are not there, each with the private log that carries its notifications. In key order of (tenant, id), so
-- that two calls with the same strangers wait for each other instead of dead-locking.
create function utalk.add_users(p_tenants text[], p_ids text[], p_names text[], p_roles smallint[], p_workspaces text[], p_emails text[])
returns void language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
begin
  with fresh as materialized (
    select distinct on (i.tenant, i.id) i.*
    from unnest(p_tenants, p_ids, p_names, p_roles, p_workspaces, p_emails) with ordinality as i (tenant, id, name, role, workspace, email, place)
    left join lateral (select x.key from utalk.users x where x.tenant = i.tenant and x.id = i.id limit 1) u on true
    where u.key is null
    order by i.tenant, i.id, i.place desc
  ), added as (
    insert into utalk.users (tenant, id, name, role, workspace, email, inbox)
    select f.tenant, f.id, f.name, f.role, f.workspace, f.email, nextval(pg_get_serial_sequence('utalk.conversations', 'key'))
    from fresh f order by f.tenant, f.id
    on conflict (tenant, id) do nothing
    returning key, tenant, id, workspace, inbox
  ), logs as (
    insert into utalk.conversations (key, kind, tenant, id, workspace, channel, bot_enabled, member_count, created_by, created_at)
    select a.inbox, 1, a.tenant, '~inbox/' || a.id, a.workspace, 'inbox', false, 1, a.key, date_trunc('milliseconds', now()) from added a
  )
  insert into utalk.members (conversation, member) select a.inbox, a.key from added a;
end $$;

-- One row per input, by place. Writes nothing when nothing differs.
create function utalk.admit_users(p_tenants text[], p_ids text[], p_names text[], p_roles smallint[], p_workspaces text[], p_emails text[])
returns table (place bigint, value json) language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
#variable_conflict use_column
declare
  l_strangers boolean;
  l_changed bigint[];
begin
  select bool_or(u.key is null),
      array_agg(u.key) filter (where (u.name, u.role, u.workspace, u.email) is distinct from (i.name, i.role, i.workspace, i.email))
    into l_strangers, l_changed
    from unnest(p_tenants, p_ids, p_names, p_roles, p_workspaces, p_emails) as i (tenant, id, name, role, workspace, email)
    left join lateral (select * from utalk.users x where x.tenant = i.tenant and x.id = i.id limit 1) u on true;
  if l_strangers then
    perform utalk.add_users(p_tenants, p_ids, p_names, p_roles, p_workspaces, p_emails);
  end if;
  if l_changed is not null then
    perform from utalk.users u where u.key = any (l_changed) order by u.key for no key update;
    update utalk.users u set name = i.name, role = i.role, workspace = i.workspace, email = i.email
      from (
        select distinct on (x.tenant, x.id) x.*
        from unnest(p_tenants, p_ids, p_names, p_roles, p_workspaces, p_emails) with ordinality as x (tenant, id, name, role, workspace, email, place)
        order by x.tenant, x.id, x.place desc) i
      where u.key = any (l_changed) and u.tenant = i.tenant and u.id = i.id
        and (u.name, u.role, u.workspace, u.email) is distinct from (i.name, i.role, i.workspace, i.email);
  end if;
  return query
    select i.place, v.value
    from unnest(p_tenants, p_ids) with ordinality as i (tenant, id, place)
    join lateral (select * from utalk.user_values x where x.tenant = i.tenant and x.id = i.id limit 1) v on true;
end $$;

create function utalk.set_user_active(p_node text, p_call bigint, p_tenant text, p_id text, p_active boolean)
returns json language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  l_key bigint;
begin
  update utalk.users set active = p_active where tenant = p_tenant and id = p_id returning key into l_key;
  if l_key is null then
    return null;
  end if;
  insert into utalk.changes (call, node, kind, keys) values (p_call, p_node, 'users', array[l_key]);
  return (select value from utalk.user_values where key = l_key);
end $$;

-- Tokens issued before now are refused; a token issued later admits the user again.
create function utalk.expel_user(p_node text, p_call bigint, p_tenant text, p_id text)
returns json language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  l_key bigint;
begin
  update utalk.users set tokens_valid_after = greatest(tokens_valid_after, date_trunc('milliseconds', clock_timestamp()))
    where tenant = p_tenant and id = p_id returning key into l_key;
  if l_key is null then
    return null;
  end if;
  insert into utalk.changes (call, node, kind, keys) values (p_call, p_node, 'users', array[l_key]);
  return (select value from utalk.user_values where key = l_key);
end $$;

-- What a session needs at auth, by place: the head of the inbox, and keys and ids of the user's conversations as JSON, newest
-- activity first.
create function utalk.enter_users(p_users bigint[], p_inboxes bigint[], p_limits integer[])
returns table (place bigint, inbox_head bigint, conversations json) language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  return query
    select i.place, coalesce(h.seq, 0), (
      select json_agg(json_build_array(x.conversation, c.id) order by x.last_at desc, x.conversation desc)
      from (
        -- An inbox has no activity, so it is not among these.
        select m.conversation, a.last_at
        from utalk.members m
        join lateral (select y.last_at from utalk.activity y where y.conversation = m.conversation limit 1) a on true
        where m.member = i.member
        order by a.last_at desc, m.conversation desc
        limit i.lim) x
      join lateral (select y.id from utalk.conversations y where y.key = x.conversation limit 1) c on true)
    from unnest(p_users, p_inboxes, p_limits) with ordinality as i (member, inbox, lim, place)
    left join lateral (select e.seq from utalk.entries e where e.conversation = i.inbox order by e.seq desc limit 1) h on true;
end $$;
