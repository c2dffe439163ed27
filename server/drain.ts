// The way out of service (CONTRACT §5.11): every client gets a slot of its own in the window, what was accepted is written and
// answered, and only then the node ends.

import type { Listener } from './edge/listener.ts';
import type { ConversationNode } from './node.ts';

/** Time for the last replies and for clients that overslept their slot. */
const graceMs = 2_000;
const pollMs = 50;
const flushTimeoutMs = 10_000;

/**
 * Drains a node whose readiness is off already.
 * @param windowMs over which the reconnects are spread; without sessions nothing is waited for.
 */
export async function drain(node: ConversationNode, listener: Listener, windowMs: number, reason: string): Promise<void> {
  const deadlineMs = Date.now() + windowMs + graceMs;
  for (const session of node.registry.all()) {
    session.push('server:shutdown', {
      reason,
      reconnectInMs: Math.floor(Math.random() * windowMs),
      message: 'The server restarts; connect again in your slot.',
      timestamp: Date.now(),
    });
  }
  listener.stopAccepting();
  while (node.registry.stats().sessions > 0 && Date.now() < deadlineMs) await wait(pollMs);
  await within(node.flush(), flushTimeoutMs);
  while (node.dispatch.inFlight > 0 && Date.now() < deadlineMs + graceMs) await wait(pollMs);
  for (const session of [...node.registry.all()]) session.end(1012, 'server restart');
  // One more turn of the loop, so that the close frames leave.
  await wait(pollMs);
}

const wait = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Waits for the work, but no longer than this; the timer holds nobody up. */
async function within(work: Promise<void>, ms: number): Promise<void> {
  const { promise: late, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
