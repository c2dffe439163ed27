// What supervisor and workers tell each other over their IPC channel. Settings travel here and not through the environment: a
// worker that is started again has those the supervisor began with, whatever became of files and variables.

import type { Settings } from '../config.ts';
import type { Figures, Health } from '../health.ts';

export type ToWorker =
  | { type: 'start'; worker: string; settings: Settings }
  | { type: 'metrics'; id: number }
  | { type: 'drain'; reason: string };

export type FromWorker =
  | { type: 'listening' }
  /** The start was refused, for a reason that can be told in words. */
  | { type: 'failed'; message: string }
  | ({ type: 'pulse' } & Pulse)
  | { type: 'metrics'; id: number; body: string };

/** How a worker is; said every `pulseMs`. */
export interface Pulse {
  health: Health;
  figures: Figures;
  rssBytes: number;
}

export const pulseMs = 1_000;
/** A worker that missed more pulses than this is not counted as ready. */
export const readyPulses = 5;
/** One that missed so many takes connections from the kernel and serves nobody: it is killed. */
export const hungPulses = 30;
