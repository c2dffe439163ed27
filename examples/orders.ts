// An application with a command, a guard and rooms of its own: customers book orders, the kitchen sees them come.

import { createServer, defineRoute, readSettings, Type } from '../server/index.ts';

const bookOrder = defineRoute({
  name: 'orders:book',
  input: Type.Object({ item: Type.String({ maxLength: 80 }), count: Type.Integer({ minimum: 1 }) }, { additionalProperties: false }),
  rateLimit: { limit: 10, windowMs: 60_000, burst: 10 },
  async handle({ identity, actions, state, log }, { item, count }) {
    const number = await state.increment('orders');
    actions.joinRoom(`order:${number}`);
    actions.toRoom('kitchen', 'order:booked', { number, item, count, customer: identity.name });
    log.info({ number }, 'order booked');
    return { number };
  },
});

/** Clients import the type of this list, and nothing else. */
export const routes = [bookOrder] as const;

const server = await createServer({
  settings: readSettings(process.env).settings,
  routes,
  guards: { 'update:publish': ({ identity }, { roomId }) => identity.role === 'agent' && roomId.startsWith('order:') },
});

const { port } = await server.listen();
console.log(`ws://localhost:${port}`);
process.once('SIGTERM', () => server.close());
