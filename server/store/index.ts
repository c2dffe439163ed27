// The door of the store.

export { type EmbeddedPostgres, startEmbeddedPostgres } from './embedded-postgres.ts';
export { type MigrateOptions, migrate } from './migrate.ts';
export { openStore, type StoreOptions } from './postgres-store.ts';
export * from './store.ts';
