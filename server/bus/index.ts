export { type Bus, type BusEvent, type BusHandler, type BusKind, busKinds } from './bus.ts';
export { InProcessHub } from './in-process-bus.ts';
