export { type Fact, leaseMs, type RosterDirectory, renewEveryMs } from './roster-directory.ts';
export { type SharedState, StateUnavailable } from './shared-state.ts';
