-- Read and delivered watermarks, activity, and the removal of old changes.

-- One row per input, by place. Watermarks never fall; a read raises delivered too. `unread` is counted for reads only. Rows are locked in key order first: updates
-- from several sessions in their own orders dead-lock.
create function utalk.raise_watermarks(
  p_node text, p_call bigint, p_tenants text[], p_conversations bigint[], p_members bigint[], p_reads bigint[], p_delivereds bigint[], p_unread_cap integer)
returns table (place bigint, outcome text, read_seq bigint, delivered_seq bigint, read_raised boolean, delivered_raised boolean, head bigint, unread bigint)
language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set lock_timeout = '5s'
as $$
#variable_conflict use_column
begin
  perform from unnest(p_conversations, p_members) as i (conversation, member)
    join utalk.members m on m.conversation = i.conversation and m.member = i.member
    order by m.conversation, m.member
    for no key update of m;
  return query
    with asked as materialized (
      select i.*, m.read_seq as old_read, m.delivered_seq as old_delivered, greatest(h.seq, c.archived_seq, 0) as head,
        greatest(m.read_seq, i.read) as new_read, greatest(m.delivered_seq, i.delivered, i.read) as new_delivered
      from unnest(p_tenants, p_conversations, p_members, p_reads, p_delivereds) with ordinality as i (tenant, conversation, member, read, delivered, place)
      left join lateral (select x.tenant, x.archived_seq from utalk.conversations x where x.key = i.conversation limit 1) c on c.tenant = i.tenant
      left join lateral (select * from utalk.members x where c.tenant is not null and x.conversation = i.conversation and x.member = i.member limit 1) m on true
      left join lateral (select e.seq from utalk.entries e where e.conversation = i.conversation order by e.seq desc limit 1) h on true
    ), judged as materialized (
      select a.*, case when a.old_read is null then 'missing' when greatest(a.read, a.delivered) > a.head then 'beyond'
        when a.new_read > a.old_read or a.new_delivered > a.old_delivered then 'raised' else 'unchanged' end as outcome
      from asked a
    ), raised as (
      update utalk.members m set read_seq = j.new_read, delivered_seq = j.new_delivered
      from judged j where j.outcome = 'raised' and m.conversation = j.conversation and m.member = j.member
    ), noted as (
      insert into utalk.changes (call, node, kind, keys)
      select p_call, p_node, 'watermarks', array_agg(distinct j.conversation) from judged j where j.outcome = 'raised' having count(*) > 0
    ), final as (
      select j.*, case when j.outcome = 'raised' then j.new_read else j.old_read end as now_read,
        case when j.outcome = 'raised' then j.new_delivered else j.old_delivered end as now_delivered
      from judged j
    )
    select f.place, f.outcome, coalesce(f.now_read, 0), coalesce(f.now_delivered, 0), coalesce(f.now_read > f.old_read, false),
      coalesce(f.now_delivered > f.old_delivered, false), f.head,
      (select count(*) from (
        select from (
          select e.sender, e.type from utalk.entries e
          where f.read > 0 and e.conversation = f.conversation and e.seq > f.now_read order by e.seq limit 5000) n
        where n.sender <> f.member and n.type <> 6 limit p_unread_cap) x)
    from final f;
end $$;

create function utalk.touch(p_conversations bigint[], p_at bigint[]) returns void language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set lock_timeout = '5s'
as $$
begin
  perform from unnest(p_conversations) as i (conversation)
    join utalk.activity a on a.conversation = i.conversation
    order by a.conversation for no key update of a;
  update utalk.activity a set last_at = i.at
    from (select x.conversation, max(to_timestamp(x.at / 1000.0)) as at from unnest(p_conversations, p_at) as x (conversation, at) group by x.conversation) i
    where a.conversation = i.conversation and a.last_at < i.at;
end $$;

-- Removes changes older than ten minutes, the oldest first and so many at most; answers how many. One node at a time is enough.
create function utalk.prune_changes(p_limit integer) returns bigint language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off
as $$
declare
  l_count bigint;
begin
  if not pg_try_advisory_xact_lock(7221904411) then
    return 0;
  end if;
  with old as materialized (select c.ctid as row, c.at from utalk.changes c order by c.xid limit p_limit)
  delete from utalk.changes c using old where c.ctid = old.row and old.at < clock_timestamp() - interval '10 minutes';
  get diagnostics l_count = row_count;
  return l_count;
end $$;
