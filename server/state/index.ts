export { ClusterLimits, type ClusterRate, type OverLimit } from './cluster-limits.ts';
export { InMemoryState } from './in-memory-state.ts';
export { type OpenedState, openState } from './open.ts';
export { RedisRosterDirectory } from './redis-roster-directory.ts';
export { RedisState } from './redis-state.ts';
export { type Fact, leaseMs, type RosterDirectory, renewEveryMs } from './roster-directory.ts';
export { type SharedState, StateUnavailable } from './shared-state.ts';
export { tenantState } from './tenant-state.ts';
