-- Sessions and presence of users across nodes.

alter table utalk.users add column last_seen timestamptz;
alter table utalk.users set (fillfactor = 90);

-- The users of these keys, by place.
create function utalk.read_users(p_keys bigint[]) returns table (place bigint, value json, session_number bigint) language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
#variable_conflict use_column
begin
  return query
    select i.place, v.value, u.session_number
    from unnest(p_keys) with ordinality as i (key, place)
    join lateral (select x.session_number from utalk.users x where x.key = i.key limit 1) u on true
    join lateral (select x.value from utalk.user_values x where x.key = i.key limit 1) v on true;
end $$;

-- One number per input, by place; a user named several times gets as many. No row for a key that is unknown.
create function utalk.next_session_numbers(p_node text, p_call bigint, p_keys bigint[])
returns table (place bigint, session_number bigint) language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set lock_timeout = '5s'
as $$
#variable_conflict use_column
begin
  perform from unnest(p_keys) as i (key) join utalk.users u on u.key = i.key order by u.key for no key update of u;
  return query
    with asked as materialized (
      select i.key, i.place, row_number() over (partition by i.key order by i.place) as nth, count(*) over (partition by i.key) as times
      from unnest(p_keys) with ordinality as i (key, place)
    ), raised as (
      update utalk.users u set session_number = u.session_number + a.times
      from asked a where a.nth = 1 and u.key = a.key
      returning u.key, u.session_number
    ), noted as (
      insert into utalk.changes (call, node, kind, keys)
      select p_call, p_node, 'sessions', array_agg(r.key order by r.key) from raised r having count(*) > 0
    )
    select a.place, r.session_number - a.times + a.nth from asked a join raised r on r.key = a.key;
end $$;

-- Whom of `p_ids` the viewer may see. `p_scope`: shared (a conversation in common, or the viewer), workspace (that workspace as
-- well), tenant (all). For each asked user the shorter list of conversations is walked, the viewer's or theirs, at most 10,000.
-- An inbox has one member only, so it is never in common.
create function utalk.find_peers(p_tenant text, p_viewer bigint, p_ids text[], p_scope text, p_workspace text)
returns table (key bigint, id text, role smallint, workspace text, email text, last_seen bigint) language plpgsql stable
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
as $$
#variable_conflict use_column
declare
  l_mine bigint := (select count(*) from (select from utalk.members m where p_scope <> 'tenant' and m.member = p_viewer limit 10000) x);
begin
  return query
    with asked as materialized (
      select u.key, u.id, u.role, u.workspace, u.email, u.last_seen,
        coalesce(p_scope = 'tenant' or u.key = p_viewer or p_scope = 'workspace' and u.workspace = p_workspace, false) as seen
      from (select distinct i.id from unnest(p_ids) as i (id)) i
      join lateral (select * from utalk.users x where x.tenant = p_tenant and x.id = i.id limit 1) u on true
    ), counted as materialized (
      select a.*, case when a.seen then 0 else (
        select count(*) from (select from utalk.members m where m.member = a.key limit l_mine + 1) x) end as theirs
      from asked a
    )
    select c.key, c.id, c.role, c.workspace, c.email, coalesce(utalk.ms(c.last_seen), 0)
    from counted c
    where case when c.seen then true
      when c.theirs <= l_mine then exists (
        select from (select m.conversation from utalk.members m where m.member = c.key limit 10000) t
        join lateral (select from utalk.members x where x.conversation = t.conversation and x.member = p_viewer limit 1) o on true)
      else exists (
        select from (select m.conversation from utalk.members m where m.member = p_viewer limit 10000) t
        join lateral (select from utalk.members x where x.conversation = t.conversation and x.member = c.key limit 1) o on true)
    end;
end $$;

create function utalk.touch_users(p_keys bigint[], p_at bigint[]) returns void language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set lock_timeout = '5s'
as $$
begin
  perform from unnest(p_keys) as i (key) join utalk.users u on u.key = i.key order by u.key for no key update of u;
  update utalk.users u set last_seen = i.at
    from (select x.key, max(to_timestamp(x.at / 1000.0)) as at from unnest(p_keys, p_at) as x (key, at) group by x.key) i
    where u.key = i.key and (u.last_seen is null or u.last_seen < i.at);
end $$;
