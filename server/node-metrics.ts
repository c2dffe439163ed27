// What a node shows of itself to Prometheus. Labels are closed lists; ids never appear.

import type { Bus, BusState } from './bus/index.ts';
import type { Listener } from './edge/listener.ts';
import type { Metrics } from './metrics.ts';
import type { ConversationNode } from './node.ts';

export function registerMetrics(metrics: Metrics, node: ConversationNode, listener: Listener): void {
  const { delivery, store, typing, conversations, users, updates, roster, rooms, presence, clusterLimits, singleSessions } = node.services;
  const { counts } = node.dispatch;
  metrics.gauge('connections', 'Open WebSocket connections', () => listener.stats().open);
  metrics.counter('connections_opened_total', 'WebSocket connections opened', () => listener.stats().opened);
  metrics.counter('upgrades_refused_total', 'Upgrade requests refused', () => listener.stats().refused);
  metrics.labelled('connections_closed', 'Connections closed since the start, by close code', 'code', () =>
    Object.entries(listener.stats().closed),
  );
  metrics.labelled('sessions', 'Sessions by role', 'role', () => Object.entries(node.registry.stats().byRole));
  metrics.gauge('users', 'Users with a session on this node', () => node.registry.stats().users);
  metrics.gauge('joined_conversations', 'Joined conversations, summed over sessions', () => node.registry.stats().joined);
  metrics.counter('frames_received_total', 'Frames received', () => counts.frames);
  metrics.counter('bad_frames_total', 'Malformed frames received', () => counts.badFrames);
  metrics.labelled('commands', 'Commands answered since the start', 'command', () => counts.commands);
  metrics.labelled('command_errors', 'Commands refused since the start, by error code', 'code', () => counts.errors);
  metrics.counter('entries_published_total', 'Entries published on a topic', () => delivery.counts.published);
  metrics.counter('gaps_total', 'Gaps in a log that were noticed and read from the store', () => delivery.stats().gaps);
  metrics.gauge('append_queue_rows', 'Rows waiting to be appended', () => store.appends.waiting);
  metrics.labelled('table_size', 'Entries of the tables kept in memory', 'table', () => [
    ['cursors', delivery.stats().cursors],
    ['conversations', conversations.size],
    ['users', users.size],
    ['updates', updates.stats().conversations],
    ['typing', typing.size],
    ['rooms', rooms.stats().rooms],
    ['room_memberships', rooms.stats().memberships],
    ['roster', roster.stats().facts],
    ['presence', presence.stats().users],
    ['presence_watched', presence.stats().watchedTopics],
    ['last_seen', presence.stats().lastSeen],
    ['limiters', node.registry.stats().limiters],
    ['cluster_limiters', clusterLimits?.size ?? 0],
    ['addresses', listener.stats().addresses],
    ['session_numbers', singleSessions.size],
    ['calls_heard', node.repair.stats().callsHeard],
    ['pending_keys', node.reconciliation.stats().pending],
  ]);
}

const busStates: readonly BusState[] = ['up', 'suspect', 'down'];

export function registerBusMetrics(metrics: Metrics, bus: Bus): void {
  metrics.labelled('bus_state', 'Whether the bus between the nodes is in this state', 'state', () =>
    busStates.map((state) => [state, bus.state === state ? 1 : 0] as const),
  );
  metrics.gauge('bus_nodes', 'Other nodes that are heard', () => bus.stats().nodes);
  metrics.gauge('bus_lag_seconds', 'Time until an entry of our own came back from the bus, last measured', () => bus.stats().lagMs / 1_000);
  metrics.gauge('bus_queue_bytes', 'Bytes waiting to be published', () => bus.stats().queuedBytes);
  metrics.counter('bus_published_total', 'Events published', () => bus.stats().published);
  metrics.counter('bus_flushes_total', 'Writes to the bus, each with the events of its time', () => bus.stats().flushes);
  metrics.counter('bus_bytes_total', 'Bytes published', () => bus.stats().bytesPublished);
  metrics.counter('bus_heard_total', 'Events of other nodes that were heard', () => bus.stats().heard);
  metrics.counter('bus_dropped_total', 'Events given up because the queue was full or the link down', () => bus.stats().dropped);
  metrics.counter('bus_gaps_total', 'Gaps noticed in what other nodes published', () => bus.stats().gaps);
}
