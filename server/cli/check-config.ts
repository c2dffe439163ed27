// utalk check-config: reads the settings as serve would, shows them without their secrets, and starts nothing.

import { readSettings, settingRows, settingsExample } from '../config.ts';
import { defineCommand } from './command.ts';

export const checkConfig = defineCommand({
  name: 'check-config',
  summary: 'Check the settings of the environment and show them.',
  options: { example: { type: 'boolean', description: 'Print .env.example instead: every setting with default, unit and meaning' } },
  async run({ environment, output }, values) {
    if (values.example) {
      output.text(settingsExample().trimEnd());
      return 0;
    }
    const { settings, warnings } = readSettings(environment);
    for (const warning of warnings) output.note(`warning: ${warning}`);
    const shown = settingRows.map(
      (row) => [row.variable, row.secret && settings[row.key] !== undefined ? 'set' : settings[row.key]] as const,
    );
    if (output.json) output.print('', { ...Object.fromEntries(shown), development: settings.development });
    else for (const [name, value] of shown) output.text(`${name}=${Array.isArray(value) ? value.join(',') : (value ?? '')}`);
    output.note(settings.development ? 'The settings are right. No JWT key: development mode.' : 'The settings are right.');
    return 0;
  },
});
