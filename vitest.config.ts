import { defineConfig } from 'vitest/config';

// Forks only: uWebSockets.js aborts the process when a worker thread that used it ends.
const forks = { pool: 'forks' as const };

export default defineConfig({
  test: {
    ...forks,
    projects: [
      // Files of one worker share their modules: most of the time would go into loading them anew.
      { test: { ...forks, isolate: false, name: 'unit', include: ['test/*.test.ts', 'test/unit/**/*.test.ts'] } },
      { test: { ...forks, name: 'model', include: ['test/model/**/*.test.ts'] } },
      {
        test: {
          ...forks,
          name: 'store',
          include: ['test/store/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...forks,
          name: 'bus',
          include: ['test/bus/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...forks,
          name: 'wire',
          include: ['test/wire/**/*.test.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...forks,
          name: 'cluster',
          include: ['test/cluster/**/*.test.ts', 'test/faults/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          ...forks,
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 60_000,
          // Pages mostly wait; the minute of random presses runs beside the other files.
          maxWorkers: 2,
        },
      },
      {
        test: {
          ...forks,
          name: 'runtimes',
          include: ['test/runtimes/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
