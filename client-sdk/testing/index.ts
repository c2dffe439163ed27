// The door of utalk-realtime/client/testing: a server in memory, a clock that tests move, and faults by script or by seed.

export type { Clock } from '../clock.ts';
export type { Fate, FaultRates, FaultRule, FrameMatch } from './faults.ts';
export { Faults } from './faults.ts';
export type { Script, ScriptedAnswer } from './inbound.ts';
export type { MemberChange } from './memberships.ts';
export type { MemoryDevice, MemoryPage, PageOptions } from './memory-device.ts';
export type { MemoryConversation, MemoryLogs, Snapshot } from './memory-logs.ts';
export { MemoryServer, type MemoryServerOptions } from './memory-server.ts';
export type { MemorySession, MemoryUser } from './memory-session.ts';
export type { MemorySocket } from './memory-socket.ts';
export type { MemoryStorage } from './memory-storage.ts';
export type { Frame, Happening, Recorder } from './recorder.ts';
export { explore, type Run, replay, type Scenario, ScenarioError } from './scenario.ts';
export { seededRandom } from './seeded-random.ts';
export { VirtualClock } from './virtual-clock.ts';
