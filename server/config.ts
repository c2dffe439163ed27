// The door to the settings: the environment in, one frozen and checked object out. Nothing else reads the environment.

export { settingsExample } from './config/example.ts';
export { type Environment, readSettings, type SettingsReading } from './config/read.ts';
export { defineSettings, developmentOrigins, isLoopback } from './config/rules.ts';
export { type SettingRow, type Settings, settingRows, settingsSchema } from './config/schema.ts';
