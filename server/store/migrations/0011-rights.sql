-- Rights are numbered: every change of a user's activity or tokens raises `rights`, so that of two records the newer one is known
-- without a clock; `expelled_rights` is the number of the last expulsion, which ends every session admitted under a lower one.

alter table utalk.users add column rights integer not null default 0, add column expelled_rights integer not null default 0;

create or replace view utalk.user_values as
  select u.key, u.tenant, u.id,
    json_build_array(u.key, u.tenant, u.id, u.name, u.role, u.workspace, u.email, u.active,
      coalesce(utalk.ms(u.tokens_valid_after), 0), u.inbox, u.rights, u.expelled_rights) as value
  from utalk.users u;

create or replace function utalk.set_user_active(p_node text, p_call bigint, p_tenant text, p_id text, p_active boolean)
returns json language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  l_key bigint;
begin
  update utalk.users set active = p_active, rights = rights + 1 where tenant = p_tenant and id = p_id returning key into l_key;
  if l_key is null then
    return null;
  end if;
  insert into utalk.changes (call, node, kind, keys) values (p_call, p_node, 'users', array[l_key]);
  return (select value from utalk.user_values where key = l_key);
end $$;

create or replace function utalk.expel_user(p_node text, p_call bigint, p_tenant text, p_id text)
returns json language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  l_key bigint;
begin
  update utalk.users set rights = rights + 1, expelled_rights = rights + 1,
      tokens_valid_after = greatest(tokens_valid_after, date_trunc('milliseconds', clock_timestamp()))
    where tenant = p_tenant and id = p_id returning key into l_key;
  if l_key is null then
    return null;
  end if;
  insert into utalk.changes (call, node, kind, keys) values (p_call, p_node, 'users', array[l_key]);
  return (select value from utalk.user_values where key = l_key);
end $$;

-- Also refuses the tokens of sessions that were ended, when the clock that signed them is ahead of this one. No answer and no row
-- in `changes` when they are refused already.
create function utalk.refuse_tokens(p_node text, p_call bigint, p_key bigint, p_until bigint)
returns json language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
begin
  update utalk.users set rights = rights + 1, tokens_valid_after = to_timestamp(p_until / 1000.0)
    where key = p_key and (tokens_valid_after is null or tokens_valid_after < to_timestamp(p_until / 1000.0));
  if not found then
    return null;
  end if;
  insert into utalk.changes (call, node, kind, keys) values (p_call, p_node, 'users', array[p_key]);
  return (select value from utalk.user_values where key = p_key);
end $$;
