export {
  type Bus,
  type BusEvent,
  type BusHandler,
  type BusKind,
  type BusState,
  type BusStats,
  busKinds,
  goneMs,
  type NodeChange,
} from './bus.ts';
export { InProcessHub } from './in-process-bus.ts';
export { openRedisBus, type RedisBusOptions } from './redis-bus.ts';
