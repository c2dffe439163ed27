// One worker: a node with the WebSocket port shared, and nothing else. It lives as long as its supervisor; whatever way that
// one ends, this one drains and ends too.

import { type App, createApp } from '../app.ts';
import type { Settings } from '../config.ts';
import { StartError } from '../errors.ts';
import type { Log } from '../log.ts';
import { type FromWorker, pulseMs, type ToWorker } from './messages.ts';

export interface WorkerStart {
  /** Its number, as text: label of its metrics and log lines. */
  worker: string;
  settings: Settings;
}

/**
 * Waits for the first message of the supervisor.
 * @throws StartError when nobody is there who could send one
 */
export function receiveStart(): Promise<WorkerStart> {
  const orphaned = new StartError('A worker is started by utalk serve --workers, not by hand.');
  if (!process.connected) return Promise.reject(orphaned);
  return new Promise((resolve, reject) => {
    process.once('disconnect', () => reject(orphaned));
    process.once('message', (message: ToWorker) => {
      if (message.type === 'start') resolve(message);
    });
  });
}

/** Runs until the supervisor says drain, or is gone. Resolves to the exit code. */
export async function runWorker({ worker, settings }: WorkerStart, log: Log): Promise<number> {
  const told = new Promise<string>((resolve) => {
    process.on('message', (message: ToWorker) => message.type === 'drain' && resolve(message.reason));
    const gone = () => resolve('the supervisor is gone');
    if (process.connected) process.once('disconnect', gone);
    else gone();
  });
  // A closed terminal signals its whole group; the supervisor decides what that means.
  process.on('SIGHUP', () => {});
  let app: App;
  try {
    app = await createApp(settings, log, { roles: { webSocket: 'shared', http: false, migrates: false }, worker });
  } catch (error) {
    return refuse(error);
  }
  const pulse = setInterval(() => tell({ type: 'pulse', ...pulseOf(app) }), pulseMs);
  try {
    await app.listen();
    answerMetrics(app);
    tell({ type: 'pulse', ...pulseOf(app) });
    tell({ type: 'listening' });
    const reason = await told;
    log.info({ reason }, 'draining');
  } catch (error) {
    return refuse(error);
  } finally {
    clearInterval(pulse);
    await app.close();
  }
  return 0;
}

function refuse(error: unknown): number {
  if (!(error instanceof StartError)) throw error;
  tell({ type: 'failed', message: error.message });
  return 1;
}

const pulseOf = (app: App) => ({ health: app.health(), figures: app.figures(), rssBytes: process.memoryUsage.rss() });

function answerMetrics(app: App): void {
  process.on('message', async (message: ToWorker) => {
    if (message.type !== 'metrics') return;
    const { body } = await app.metrics.text();
    tell({ type: 'metrics', id: message.id, body });
  });
}

/** Says nothing to a supervisor that is gone: its end is noticed by `disconnect`. */
function tell(message: FromWorker): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}
