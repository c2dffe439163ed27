// Connections as the store wants them: keys as numbers, no query of its own at connect, reconnect at once instead of after a
// growing pause, no settings on the connection (a transaction pooler would lose them).

import postgres from 'postgres';

const connectTimeoutSeconds = 2;
const reconnectSeconds = 0.1;

export type Connection = postgres.Sql<{ bigint: number }>;

export interface ConnectOptions {
  max: number;
  /** As the database's own views show it. */
  name: string;
  /** False behind a transaction pooler. */
  prepare?: boolean;
  /** A connection was closed, by either side. */
  onClose?: () => void;
}

/** A pool of `max` connections, opened when first used. */
export function connect(url: string, { max, name, prepare = true, onClose }: ConnectOptions): Connection {
  return postgres(url, {
    max,
    prepare,
    fetch_types: false,
    connect_timeout: connectTimeoutSeconds,
    max_lifetime: null,
    idle_timeout: 0,
    backoff: () => reconnectSeconds,
    connection: { application_name: name },
    onnotice: () => {},
    onclose: onClose,
    types: { bigint: { to: 20, from: [20], serialize: String, parse: Number } },
  });
}
