// The door to the settings: the environment in, one frozen and checked object out. Nothing else reads the environment.

export { type Environment, readSettings, type SettingsReading } from './config/read.ts';
export { defineSettings, developmentOrigins, isLoopback } from './config/rules.ts';
export { type Settings, settingsSchema } from './config/schema.ts';
