// The text of .env.example, made from the table, so that the two cannot drift apart.

import { type SettingRow, settingRows } from './schema.ts';

const heading = `# Settings of the server. Copy this file to .env and take away the # of the lines you change; variables that are set in
# the environment win. Of the secrets, NAME_FILE names a file that holds the value. utalk check-config checks them all.
`;

export function settingsExample(): string {
  return `${heading}\n${settingRows.map(block).join('\n')}`;
}

function block(row: SettingRow): string {
  const { default: value, defaultNote, unit } = row;
  const shown = Array.isArray(value) ? value.join(',') : typeof value === 'boolean' ? String(Number(value)) : (value ?? '');
  const facts = [
    `Default: ${defaultNote ?? (value === undefined ? 'none' : shown)}.`,
    ...(unit ? [`Unit: ${unit}.`] : []),
    ...(row.secret ? [`Secret; or ${row.variable}_FILE.`] : []),
  ];
  return `# ${row.description}\n# ${facts.join(' ')}\n#${row.variable}=${shown}\n`;
}
