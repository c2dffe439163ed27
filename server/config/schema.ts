// Every setting: its variable, type, bounds, default, unit and meaning. .env.example and OPERATIONS.md are checked against
// this table; a setting that is not here does not exist.

import { type Static, Type } from 'typebox';

/** What a row says beyond its type. */
export type SettingNote = {
  /** Name in the environment. */
  variable: string;
  description: string;
  /** Unit of a number. */
  unit?: string;
  /** Never printed; `<variable>_FILE` names a file that holds it. */
  secret?: boolean;
  /** Shown instead of the default where it depends on other settings. */
  defaultNote?: string;
};

const text = (note: SettingNote & { default?: string; maxLength?: number }) => Type.String({ minLength: 1, ...note });
const count = (note: SettingNote & { default: number; unit: string; minimum: number; maximum: number }) => Type.Integer(note);
const flag = (note: SettingNote & { default: boolean }) => Type.Boolean(note);
const list = (note: SettingNote) => Type.Array(Type.String({ minLength: 1 }), { default: [], ...note });
const word = <const W extends readonly string[]>(words: W, note: SettingNote & { default: W[number] }) =>
  Type.Unsafe<W[number]>(Type.Enum([...words], note));

export const settingsSchema = Type.Object(
  {
    host: text({
      variable: 'HOST',
      defaultNote: '0.0.0.0; 127.0.0.1 in development mode',
      description: 'Address that both ports listen on.',
    }),
    port: count({
      variable: 'PORT',
      default: 3001,
      minimum: 0,
      maximum: 65_535,
      unit: 'TCP port',
      description: 'WebSocket port; 0 takes a free one.',
    }),
    httpPort: count({
      variable: 'HTTP_PORT',
      default: 3002,
      minimum: 0,
      maximum: 65_535,
      unit: 'TCP port',
      description: 'Port of the HTTP API, health, metrics and the demo page; 0 takes a free one.',
    }),
    publicUrl: Type.Optional(
      text({
        variable: 'PUBLIC_URL',
        description: 'URL that clients reach the server by, as wss://chat.example.com; its origin is allowed.',
      }),
    ),
    databaseUrl: Type.Optional(
      text({
        variable: 'DATABASE_URL',
        secret: true,
        defaultNote: 'a PostgreSQL of its own in the data directory',
        description: 'PostgreSQL 15 or newer, as postgres://user:password@host:5432/database.',
      }),
    ),
    databasePool: count({
      variable: 'DATABASE_POOL',
      default: 4,
      minimum: 1,
      maximum: 100,
      unit: 'connections',
      description: 'Connections for reads and changes, beside the two of the append queue.',
    }),
    databasePrepare: flag({
      variable: 'DATABASE_PREPARE',
      default: true,
      description: 'Prepared statements; 0 behind PgBouncer in transaction mode.',
    }),
    redisUrl: Type.Optional(
      text({
        variable: 'REDIS_URL',
        secret: true,
        defaultNote: 'none; this process is the only node of its database',
        description: 'Redis 6.2 or newer between several nodes of one database, as redis://user:password@host:6379, or rediss://.',
      }),
    ),
    dataDir: text({
      variable: 'UTALK_DATA_DIR',
      default: '.utalk',
      description: 'Directory of the embedded PostgreSQL and the development key, relative to the working directory.',
    }),
    entriesPartitions: count({
      variable: 'UTALK_ENTRIES_PARTITIONS',
      default: 0,
      minimum: 0,
      maximum: 256,
      unit: 'partitions',
      description: 'Hash partitions of the table of entries; fixed by the first migration of an empty database.',
    }),
    jwtSecret: Type.Optional(
      text({ variable: 'JWT_SECRET', secret: true, description: 'HS256 key, at least 32 bytes. One of the three JWT keys at most.' }),
    ),
    jwtPublicKey: Type.Optional(
      text({
        variable: 'JWT_PUBLIC_KEY',
        secret: true,
        description: 'Public key as PEM (RSA, EC or Ed25519). One of the three JWT keys at most.',
      }),
    ),
    jwtJwksUrl: Type.Optional(
      text({ variable: 'JWT_JWKS_URL', description: 'URL of a JWKS document. One of the three JWT keys at most.' }),
    ),
    jwtIssuer: Type.Optional(text({ variable: 'JWT_ISSUER', description: 'Required value of the claim iss.' })),
    jwtAudience: Type.Optional(text({ variable: 'JWT_AUDIENCE', description: 'Required value of the claim aud.' })),
    defaultTenant: Type.Optional(
      text({
        variable: 'UTALK_DEFAULT_TENANT',
        maxLength: 128,
        description: 'Tenant of tokens that name neither tenantId nor workspaceId; without it they are refused.',
      }),
    ),
    allowQueryToken: flag({
      variable: 'ALLOW_QUERY_TOKEN',
      default: false,
      description: 'Accept the token as ?token= in the WebSocket URL; it ends up in the logs of proxies.',
    }),
    allowedOrigins: list({
      variable: 'ALLOWED_ORIGINS',
      defaultNote: 'none; the demo page in development mode',
      description: 'Exact origins of browser pages, separated by commas, as https://app.example.com; also CORS of the HTTP API.',
    }),
    trustedProxies: list({
      variable: 'TRUSTED_PROXIES',
      defaultNote: 'none',
      description: 'Addresses or CIDR ranges, separated by commas, whose PROXY protocol and X-Forwarded-For are believed.',
    }),
    metricsToken: Type.Optional(
      text({
        variable: 'METRICS_TOKEN',
        secret: true,
        description:
          'Bearer token for /metrics, /api/ws/stats and /openapi.json, which otherwise need loopback or an admin or service token.',
      }),
    ),
    logLevel: word(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
      variable: 'LOG_LEVEL',
      default: 'info',
      description: 'Least severe level that is logged.',
    }),
    development: Type.Boolean({ description: 'Derived: no JWT key is configured.' }),
    demo: flag({
      variable: 'UTALK_DEMO',
      default: false,
      description: 'Let development mode listen on other addresses than loopback, and with JWT_SECRET open the demo page as well.',
    }),
    rateProfile: word(['chat', 'marketplace', 'bench'], {
      variable: 'UTALK_RATE_PROFILE',
      default: 'chat',
      description: 'Rate limits per tenant and user: chat, marketplace (100 sends an hour) or bench (none).',
    }),
    sessionPolicy: word(['multi', 'single'], {
      variable: 'UTALK_SESSION_POLICY',
      default: 'multi',
      description: 'Sessions of one user: multi (up to UTALK_SESSIONS_PER_USER) or single (the newest one).',
    }),
    textPolicy: word(['strip', 'raw'], {
      variable: 'UTALK_TEXT_POLICY',
      default: 'strip',
      description: 'Texts of messages: strip (no HTML tag is stored) or raw.',
    }),
    createPolicy: word(['open', 'staff'], {
      variable: 'UTALK_CREATE_POLICY',
      default: 'open',
      description: 'Who creates conversations: open (customers too) or staff.',
    }),
    roomMemberCap: count({
      variable: 'UTALK_ROOM_MEMBER_CAP',
      default: 0,
      minimum: 0,
      maximum: 10_000_000,
      unit: 'users',
      description: 'Most users in a room, a further one is refused with ROOM_FULL; 0 sets no cap.',
    }),
    sessionsPerUser: count({
      variable: 'UTALK_SESSIONS_PER_USER',
      default: 10,
      minimum: 1,
      maximum: 1000,
      unit: 'sessions',
      description: 'Sessions of one person; a further one replaces the oldest. Bots and services have 1000.',
    }),
    connectionsPerAddress: count({
      variable: 'UTALK_CONNECTIONS_PER_ADDRESS',
      default: 100,
      minimum: 1,
      maximum: 1_000_000,
      unit: 'connections',
      description: 'Open connections of one address; loopback is exempt.',
    }),
    connectsPerAddress: count({
      variable: 'UTALK_CONNECTS_PER_ADDRESS',
      default: 20,
      minimum: 1,
      maximum: 1_000_000,
      unit: 'connects a second',
      description: 'New connections of one address; loopback is exempt.',
    }),
    maxConnections: count({
      variable: 'UTALK_MAX_CONNECTIONS',
      default: 0,
      minimum: 0,
      maximum: 10_000_000,
      unit: 'connections',
      description: 'Open connections of this process; 0 sets no cap.',
    }),
    maxBackpressureBytes: count({
      variable: 'UTALK_MAX_BACKPRESSURE_BYTES',
      default: 1_048_576,
      minimum: 65_536,
      maximum: 1_073_741_824,
      unit: 'bytes',
      description: 'Bytes that may wait for one slow reader before it is closed with 4413.',
    }),
    appendQueueRows: count({
      variable: 'UTALK_APPEND_QUEUE_ROWS',
      default: 20_000,
      minimum: 100,
      maximum: 1_000_000,
      unit: 'messages',
      description: 'Messages that may wait for the store; beyond it sends are answered UNAVAILABLE.',
    }),
    workerMaxMb: count({
      variable: 'UTALK_WORKER_MAX_MB',
      default: 0,
      minimum: 0,
      maximum: 1_048_576,
      unit: 'MiB',
      description: 'Memory (RSS) of a worker beyond which serve --workers replaces it; 0 sets no ceiling.',
    }),
    drainWindowMs: count({
      variable: 'UTALK_DRAIN_WINDOW_MS',
      default: 5000,
      minimum: 0,
      maximum: 600_000,
      unit: 'ms',
      description: 'Window over which clients are told to come back when the server stops.',
    }),
    handlerTimeoutMs: count({
      variable: 'UTALK_HANDLER_TIMEOUT_MS',
      default: 30_000,
      minimum: 100,
      maximum: 600_000,
      unit: 'ms',
      description: 'A command that runs longer is answered UNAVAILABLE.',
    }),
    userCacheMs: count({
      variable: 'UTALK_USER_CACHE_MS',
      default: 5000,
      minimum: 0,
      maximum: 600_000,
      unit: 'ms',
      description: 'How long the state of a user (active, tokens valid after) is believed without asking the store.',
    }),
  },
  { additionalProperties: false },
);

/** The settings of one server. Frozen when they come from `readSettings` or `defineSettings`. */
export type Settings = Static<typeof settingsSchema>;

export type SettingKey = keyof Settings;

/** One setting that the environment can give. */
export type SettingRow = SettingNote & {
  key: SettingKey;
  schema: (typeof settingsSchema.properties)[SettingKey];
  default?: Settings[SettingKey];
};

/** All rows with a variable, in the order they are documented. */
export const settingRows: readonly SettingRow[] = Object.entries(settingsSchema.properties)
  .filter(([, schema]) => 'variable' in schema)
  .map(([key, schema]) => ({ ...(schema as unknown as SettingNote), key: key as SettingKey, schema, default: defaultOf(schema) }));

function defaultOf(schema: object): SettingRow['default'] {
  return (schema as { default?: SettingRow['default'] }).default;
}
