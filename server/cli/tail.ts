// utalk tail: the log of a conversation as it grows, every entry once and in order, over restarts of the server.

import type { Entry } from '../../client-sdk/index.ts';
import { defineCommand } from './command.ts';
import { connectionOptions, inWords, openSession } from './session.ts';
import { roleName, seconds, wholeNumber } from './values.ts';

export const tail = defineCommand({
  name: 'tail',
  summary: 'Print the entries of a conversation as they come; Ctrl-C ends it.',
  options: {
    conversation: { type: 'string', value: '<id>', description: 'Conversation', required: true },
    'after-seq': {
      type: 'string',
      value: '<seq>',
      description: 'Begin after this number, 0 for the whole log (default: new entries only)',
    },
    count: { type: 'string', value: '<n>', description: 'End after so many entries' },
    timeout: { type: 'string', value: '<time>', description: 'Give up after this time: seconds, or 5m, 1h' },
    ...connectionOptions,
  },
  examples: ['utalk tail --conversation demo --after-seq 0', 'utalk tail --conversation demo --count 10 --json'],
  async run(context, values) {
    const { output, stop } = context;
    const afterSeq =
      values['after-seq'] === undefined ? undefined : wholeNumber('after-seq', values['after-seq'], 0, Number.MAX_SAFE_INTEGER);
    const count = values.count === undefined ? Number.POSITIVE_INFINITY : wholeNumber('count', values.count, 1, 1_000_000_000);
    const timeout = values.timeout === undefined ? undefined : AbortSignal.timeout(seconds('timeout', values.timeout) * 1_000);
    const { client, ended } = openSession(context, values, roleName(values.role ?? (values.user === undefined ? 'service' : 'customer')));
    const signal = AbortSignal.any([stop, output.closed, ended, ...(timeout ? [timeout] : [])]);
    let printed = 0;
    try {
      for await (const entry of client.conversation(values.conversation).messages({ afterSeq, signal })) {
        output.print(lineOf(entry), { ...entry });
        await output.ready();
        if (++printed >= count) return 0;
      }
    } catch (error) {
      if (!signal.aborted) throw inWords(error);
    } finally {
      client.close();
    }
    if (ended.aborted) throw ended.reason;
    if (timeout?.aborted) output.note(`${printed} entries came within ${values.timeout}.`);
    return timeout?.aborted ? 1 : 0;
  },
});

function lineOf(entry: Entry): string {
  const content = entry.text ?? entry.mediaId ?? JSON.stringify(entry.metadata ?? {});
  const kind = entry.type === 'text' ? '' : `[${entry.type}] `;
  return `${entry.seq}  ${new Date(entry.createdAt).toISOString()}  ${entry.sender}: ${kind}${content}`;
}
