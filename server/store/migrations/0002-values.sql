-- Rows as the JSON arrays that the server reads; server/store/values.ts knows the positions. Joins are laterals with a limit:
-- a plan made while the tables were empty then still looks up by key.

create function utalk.ms(at timestamptz) returns bigint language sql stable strict parallel safe
  return (date_part('epoch', at) * 1000)::bigint;

create view utalk.user_values as
  select u.key, u.tenant, u.id,
    json_build_array(u.key, u.tenant, u.id, u.name, u.role, u.workspace, u.email, u.active,
      coalesce(utalk.ms(u.tokens_valid_after), 0), u.inbox) as value
  from utalk.users u;

create view utalk.conversation_values as
  select c.key, c.kind, c.tenant, c.id, c.archived_seq, c.member_count, c.assigned_agent, c.created_by, c.created_at,
    json_build_array(c.key, c.tenant, c.id, c.workspace, c.channel, c.subject, c.status, c.assigned_agent, a.id, a.name,
      c.bot_enabled, c.owner_epoch, c.access_version, c.member_cap, c.created_by, o.id, utalk.ms(c.created_at)) as value
  from utalk.conversations c
  left join lateral (select u.id, u.name from utalk.users u where u.key = c.assigned_agent limit 1) a on true
  left join lateral (select u.id from utalk.users u where u.key = c.created_by limit 1) o on true;

create view utalk.member_values as
  select m.conversation, m.member, m.added,
    json_build_array(m.member, u.id, u.name, u.role, m.read_seq, m.delivered_seq) as value
  from utalk.members m
  left join lateral (select u.id, u.name, u.role from utalk.users u where u.key = m.member limit 1) u on true;

-- `size`: about what the entry takes in a reply, as domain/pages.ts reckons.
create view utalk.entry_values as
  select e.conversation, e.seq, e.type,
    json_build_array(e.seq, e.id, e.message_id, e.type, u.id, e.sender, e.sender_role, utalk.ms(e.at), e.text, e.media_id, e.metadata) as value,
    300 + coalesce(octet_length(e.text), 0) + 5 * coalesce(octet_length(e.metadata::text), 0) as size
  from utalk.entries e
  left join lateral (select u.id from utalk.users u where u.key = e.sender limit 1) u on true;
