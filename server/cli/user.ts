// utalk user: lets a user in, keeps a user out, or ends the user's sessions. Acts on the path /admin.

import type { Client } from '../../client-sdk/index.ts';
import { CommandFailed, defineCommand, UsageError } from './command.ts';
import { retrying } from './retrying.ts';
import { connectionOptions, inWords, openSession } from './session.ts';
import { seconds } from './values.ts';

const { url, token, tenant } = connectionOptions;

export const user = defineCommand({
  name: 'user',
  summary: 'Activate, deactivate or expel a user. Needs a token of role admin.',
  options: {
    id: { type: 'string', value: '<id>', description: 'User id', required: true },
    activate: { type: 'boolean', description: 'Let the user in again' },
    deactivate: { type: 'boolean', description: 'End all sessions and refuse the user until activated' },
    expel: { type: 'boolean', description: 'End all sessions and refuse the tokens issued before now' },
    reason: { type: 'string', value: '<word>', description: 'Reason of --expel, shown to the client' },
    timeout: { type: 'string', value: '<time>', description: 'Give up after this time', default: '15s' },
    url,
    token,
    tenant,
  },
  examples: ['utalk user --id ana --expel', 'UTALK_TOKEN=<admin token> utalk user --url wss://chat.example.com --id ana --deactivate'],
  async run(context, values) {
    const action = actionOf(values);
    const { client, ended } = openSession(context, values, 'admin', '/admin');
    const signal = AbortSignal.any([context.stop, ended, AbortSignal.timeout(seconds('timeout', values.timeout) * 1_000)]);
    try {
      const answer = await retrying(() => carryOut(client, action, values.id, values.reason, signal), signal);
      context.output.print(`${values.id}: ${wordsFor[action]}`, { userId: values.id, action, ...answer });
      return 0;
    } catch (error) {
      if (ended.aborted) throw ended.reason;
      if ((error as Error).name === 'TimeoutError') throw new CommandFailed(`The server did not answer within ${values.timeout}.`);
      throw inWords(error);
    } finally {
      client.close();
    }
  },
});

const wordsFor = { activate: 'activated', deactivate: 'deactivated', expel: 'expelled' } as const;
type Action = keyof typeof wordsFor;

function actionOf(values: Record<Action, boolean>): Action {
  const [action, ...more] = (Object.keys(wordsFor) as Action[]).filter((name) => values[name]);
  if (action === undefined || more.length > 0) throw new UsageError('give one of --activate, --deactivate, --expel');
  return action;
}

function carryOut(client: Client, action: Action, userId: string, reason: string | undefined, signal: AbortSignal): Promise<object> {
  if (action === 'expel') return client.command('user:expel', { userId, ...(reason === undefined ? {} : { reason }) }, { signal });
  return client.command('user:activate', { userId, active: action === 'activate' }, { signal });
}
