// ping: proves that the connection and this node's loop are alive.

import { commandBodies } from '../../protocol/bodies/index.ts';
import { defineRoute, type Route } from './route.ts';

export const ping = (): Route => defineRoute({ name: 'ping', ...commandBodies.ping, handle: () => ({ serverTime: Date.now() }) });
