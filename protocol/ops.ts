// Op numbers of every command and push. A number is never reused or changed: a new meaning gets a new number.

/** Slot 0 of a server frame that answers a command. */
export const replyKind = 0;
/** Slot 0 of a server frame that refuses a command. */
export const errorKind = 1;

/** Client to server. Slot 0 of a command frame. */
export const commandOps = {
  auth: 2,
  'auth:refresh': 3,
  ping: 4,
  call: 5,
  'message:send': 8,
  'message:status': 9,
  'message:edit': 10,
  'message:delete': 11,
  'message:react': 12,
  'join:conversation': 13,
  'leave:conversation': 14,
  'conversation:create': 15,
  'conversation:members': 16,
  'conversation:list': 17,
  'conversation:history': 18,
  'conversation:read': 19,
  'conversation:delivered': 20,
  'conversation:assign': 21,
  'conversation:status': 22,
  'typing:start': 23,
  'typing:stop': 24,
  'sync:state': 25,
  'presence:set': 26,
  'presence:subscribe': 27,
  'agent:takeover': 28,
  'agent:return-to-bot': 29,
  'escalation:start': 30,
  'escalation:accept': 31,
  'escalation:decline': 32,
  'room:join': 33,
  'room:leave': 34,
  'room:members': 35,
  'update:publish': 36,
  'notification:publish': 37,
  'notification:ack': 38,
  'system:notify': 39,
  'admin:stats': 40,
  'admin:sessions': 41,
  'admin:broadcast': 42,
  'admin:drain': 43,
  'user:expel': 44,
  'user:activate': 45,
} as const;

/** Server to client, unasked. Slot 0 of a push frame. */
export const pushOps = {
  'message:new': 64,
  'message:delivered': 65,
  'message:read': 66,
  'message:error': 67,
  'conversation:new': 68,
  'conversation:updated': 69,
  'conversation:assigned': 70,
  'conversation:members': 71,
  'escalation:started': 72,
  'escalation:accepted': 73,
  'escalation:declined': 74,
  'bot:resumed': 75,
  'typing:start': 76,
  'typing:stop': 77,
  'presence:update': 78,
  'user:connected': 79,
  'user:disconnected': 80,
  notification: 81,
  'system:notification': 82,
  update: 83,
  'room:joined': 84,
  'room:left': 85,
  'sync:required': 86,
  'token:expiring': 87,
  'token:expired': 88,
  'user:expelled': 89,
  'server:shutdown': 90,
  'media:uploaded': 91,
  'media:upload:progress': 92,
  event: 93,
  alive: 94,
  'admin:stats': 95,
} as const;

export type CommandName = keyof typeof commandOps;
export type PushName = keyof typeof pushOps;

/** Name of a command by op number; undefined for a number nobody assigned. */
export const commandNames: ReadonlyMap<number, CommandName> = new Map(
  (Object.entries(commandOps) as [CommandName, number][]).map(([name, op]) => [op, name]),
);

/** Name of a push by op number; a client skips the ones it does not know. */
export const pushNames: ReadonlyMap<number, PushName> = new Map(
  (Object.entries(pushOps) as [PushName, number][]).map(([name, op]) => [op, name]),
);
