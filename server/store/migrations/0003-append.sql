-- The append: one call, one round trip. First lock, then look, decide, number and insert in one further statement, whose
-- snapshot is younger than the locks. No exception block, never STABLE; plans are pinned on the function.
--
-- One row per input in `outcomes`, one letter each: m missing, r repeated, u reused, b busy, t stale, f fenced, c closed,
-- a archived, x conflict, s stored. `seqs`: of the stored entry for s, r and u, else 0. `states`: key, access version, owner
-- epoch and head before this call, of each conversation that exists. `known`: position, id and time of entries stored before.
-- `p_distinct`: how many conversations the rows name. The caller puts no two rows with the same id into one call (the unique key would refuse it), and a row with if_last first
-- among those of its conversation.

create function utalk.append(
  p_node text, p_call bigint, p_wait boolean,
  p_distinct integer, p_conversations bigint[], p_senders bigint[], p_roles smallint[], p_message_ids uuid[], p_ids uuid[], p_types smallint[],
  p_texts text[], p_media_ids text[], p_metadata text[], p_hashes uuid[], p_versions integer[], p_epochs integer[], p_if_last bigint[],
  out outcomes text, out seqs text, out at_ms bigint, out states text, out known json)
language plpgsql volatile
set plan_cache_mode = force_generic_plan set enable_seqscan = off set lock_timeout = '500ms'
as $$
declare
  l_keys bigint[];
  l_versions integer[];
  l_epochs integer[];
  l_statuses text[];
  l_archived bigint[];
  l_held boolean[];
  l_at timestamptz;
begin
  if p_wait then
    select array_agg(c.key), array_agg(c.access_version), array_agg(c.owner_epoch), array_agg(c.status), array_agg(c.archived_seq), array_agg(true)
      into l_keys, l_versions, l_epochs, l_statuses, l_archived, l_held
      from (select * from utalk.conversations where key = any (p_conversations) order by key for no key update) c;
  else
    select array_agg(c.key), array_agg(c.access_version), array_agg(c.owner_epoch), array_agg(c.status), array_agg(c.archived_seq), array_agg(true)
      into l_keys, l_versions, l_epochs, l_statuses, l_archived, l_held
      from (select * from utalk.conversations where key = any (p_conversations) for no key update skip locked) c;
    -- Locked elsewhere or missing: told apart by a plain look, which sees the older row of a locked one.
    if coalesce(cardinality(l_keys), 0) < p_distinct then
      select l_keys || array_agg(c.key), l_versions || array_agg(c.access_version), l_epochs || array_agg(c.owner_epoch),
          l_statuses || array_agg(c.status), l_archived || array_agg(c.archived_seq), l_held || array_agg(false)
        into l_keys, l_versions, l_epochs, l_statuses, l_archived, l_held
        from (select * from utalk.conversations where key = any (p_conversations) and key <> all (coalesce(l_keys, '{}'))) c;
    end if;
  end if;
  l_at := date_trunc('milliseconds', clock_timestamp()); -- after the locks: time never runs against seq
  with state as materialized (
    select s.*, greatest(h.seq, s.archived, 0) as head
    from unnest(l_keys, l_versions, l_epochs, l_statuses, l_archived, l_held) as s (key, version, epoch, status, archived, held)
    left join lateral (select e.seq from utalk.entries e where e.conversation = s.key order by e.seq desc limit 1) h on true
  ), judged as materialized (
    select i.*, s.head, k.seq as known_seq, k.id as known_id, k.at as known_at,
      case
        when s.key is null then 'm'
        -- Hashes of another version of the canonical form (the first byte) cannot be compared: taken as equal.
        when k.seq is not null then case when k.body_hash = i.hash or left(k.body_hash::text, 2) <> left(i.hash::text, 2) then 'r' else 'u' end
        when not s.held then 'b'
        when i.version <> s.version then 't'
        when i.epoch <> s.epoch then 'f'
        when s.status = 'closed' then 'c'
        when s.status = 'archived' then 'a'
        -- A state thousands of entries old counts as overtaken without a look: the walk happens under the lock.
        when s.head - i.if_last > 5000 or i.if_last is not null and exists (
          select from utalk.entries e where e.conversation = i.conversation and e.seq > i.if_last and e.sender <> i.sender) then 'x'
        else 's'
      end as outcome
    from unnest(p_conversations, p_senders, p_roles, p_message_ids, p_ids, p_types, p_texts, p_media_ids, p_metadata, p_hashes, p_versions, p_epochs, p_if_last)
      with ordinality as i (conversation, sender, role, message_id, id, type, text, media_id, metadata, hash, version, epoch, if_last, place)
    left join state s on s.key = i.conversation
    left join lateral (
      select e.seq, e.id, e.at, e.body_hash from utalk.entries e
      where e.conversation = i.conversation and e.sender = i.sender and e.message_id = i.message_id limit 1) k on true
  ), numbered as materialized (
    select j.*, case when j.outcome = 's' then j.head + count(*) filter (where j.outcome = 's')
      over (partition by j.conversation order by j.place rows unbounded preceding) end as new_seq
    from judged j
  ), stored as (
    insert into utalk.entries (conversation, seq, sender, at, type, sender_role, id, message_id, body_hash, text, media_id, metadata)
    select n.conversation, n.new_seq, n.sender, l_at, n.type, n.role, n.id, n.message_id, n.hash, n.text, n.media_id, n.metadata::jsonb
    from numbered n where n.new_seq is not null
  ), noted as (
    insert into utalk.changes (call, node, kind, keys)
    select p_call, p_node, 'append', array_agg(distinct n.conversation) from numbered n where n.new_seq is not null having count(*) > 0
  )
  select string_agg(n.outcome, '' order by n.place), string_agg(coalesce(n.new_seq, n.known_seq, 0)::text, ',' order by n.place), utalk.ms(l_at),
      (select string_agg(concat_ws(',', s.key, s.version, s.epoch, s.head), ',') from state s),
      json_agg(json_build_array(n.place, n.known_id, utalk.ms(n.known_at))) filter (where n.known_id is not null)
    into outcomes, seqs, at_ms, states, known
    from numbered n;
end $$;
