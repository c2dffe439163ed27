// A worker process that does nothing but behave as the test says, by the name it is given: for what a real one does only when
// something is broken.

import type { FromWorker, ToWorker } from '../../server/supervisor/messages.ts';

const tell = (message: FromWorker) => new Promise<void>((resolve) => process.send?.(message, undefined, undefined, () => resolve()));

const behaviours = new Map<string, () => Promise<void>>([
  ['listens', () => tell({ type: 'listening' })],
  [
    'dies young',
    async () => {
      await tell({ type: 'listening' });
      process.exit(3);
    },
  ],
  [
    'is refused',
    async () => {
      await tell({ type: 'failed', message: 'the port is gone' });
      process.exit(1);
    },
  ],
  ['ends', async () => process.exit(4)],
]);

process.on('message', (message: ToWorker) => {
  if (message.type === 'start') void behaviours.get(message.worker)?.();
  else if (message.type === 'drain') process.exit(0);
});
process.on('disconnect', () => process.exit(0));
