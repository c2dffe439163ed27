// utalk send: messages under ids made here once. A message is repeated under its id until the server has stored it, over
// restarts and lost replies; the exit code is 0 only when all were acknowledged.

import { randomUUID } from 'node:crypto';
import type { ConversationHandle } from '../../client-sdk/index.ts';
import { CommandFailed, type Context, defineCommand, UsageError } from './command.ts';
import { retrying } from './retrying.ts';
import { connectionOptions, inWords, openSession, type Session } from './session.ts';
import { items, roleName, seconds, wholeNumber } from './values.ts';

/** Messages on their way in one connection; less than the outbox of the SDK takes. */
const inFlight = 64;
/** Sessions one person may have; bots and services have more. */
const maxConnections = 500;

export const send = defineCommand({
  name: 'send',
  summary: 'Send messages and wait until each is stored.',
  options: {
    conversation: { type: 'string', value: '<id>', description: 'Conversation; with --create it may be absent and gets a new id' },
    text: { type: 'string', value: '<text>', description: 'Text; {n} stands for the number of the message', required: true },
    count: { type: 'string', value: '<n>', description: 'So many messages', default: '1' },
    connections: { type: 'string', value: '<n>', description: 'Over so many connections of the same user', default: '1' },
    create: { type: 'boolean', description: 'Create the conversation first; harmless when this user made it before' },
    members: { type: 'string', value: '<ids>', description: 'Its members beside the creator, separated by commas' },
    timeout: { type: 'string', value: '<time>', description: 'Give up after this time: seconds, or 5m, 1h', default: '60s' },
    ...connectionOptions,
  },
  examples: [
    'utalk send --conversation demo --text "Hello"',
    'utalk send --create --conversation load-1 --members ana,luis --text "Message {n}" --count 1000 --json',
  ],
  run: (context, values) => sendAll(context, planOf(values), values),
});

interface Plan {
  conversationId: string;
  text: string;
  count: number;
  connections: number;
  /** Members beside the creator when the conversation is to be created. */
  create: string[] | undefined;
  timeoutS: number;
  role: ReturnType<typeof roleName>;
}

function planOf(values: {
  conversation: string | undefined;
  text: string;
  count: string;
  connections: string;
  create: boolean;
  members: string | undefined;
  timeout: string;
  user: string | undefined;
  role: string | undefined;
}): Plan {
  if (values.conversation === undefined && !values.create) throw new UsageError('missing --conversation <id> (or --create for a new one)');
  if (values.members !== undefined && !values.create) throw new UsageError('--members goes with --create');
  return {
    conversationId: values.conversation ?? randomUUID(),
    text: values.text,
    count: wholeNumber('count', values.count, 1, 10_000_000),
    connections: wholeNumber('connections', values.connections, 1, maxConnections),
    create: values.create ? items(values.members) : undefined,
    timeoutS: seconds('timeout', values.timeout),
    role: roleName(values.role ?? (values.user === undefined ? 'service' : 'customer')),
  };
}

async function sendAll(context: Context, plan: Plan, values: Parameters<typeof openSession>[1]): Promise<number> {
  const { output, stop } = context;
  const sessions = Array.from({ length: Math.min(plan.connections, plan.count) }, () => openSession(context, values, plan.role));
  const failed = new AbortController();
  const signal = AbortSignal.any([stop, failed.signal, AbortSignal.timeout(plan.timeoutS * 1_000), ...sessions.map(({ ended }) => ended)]);
  let acked = 0;
  try {
    await create(sessions[0]!, plan, signal);
    await deliverAll(sessions, plan, signal, (line) => {
      acked++;
      output.print(`seq ${line.seq}  id ${line.id}  message ${line.messageId}`, { ...line });
      return output.ready();
    });
  } catch (error) {
    failed.abort(error);
    output.note(reasonOf(signal, error, plan));
  } finally {
    for (const { client } of sessions) client.close();
  }
  if (plan.count > 1 || acked < plan.count) output.note(`${acked} of ${plan.count} messages acknowledged in ${plan.conversationId}`);
  return acked === plan.count ? 0 : 1;
}

async function create({ client }: Session, { create: members, conversationId }: Plan, signal: AbortSignal): Promise<void> {
  if (members === undefined) return;
  await retrying(() => client.command('conversation:create', { id: conversationId, members, channel: 'web' }, { signal }), signal);
}

export interface Acked {
  conversationId: string;
  seq: number;
  id: string;
  messageId: string;
}

/** Every connection keeps `inFlight` messages on their way, in the order of their numbers. */
async function deliverAll(
  sessions: readonly Session[],
  plan: Plan,
  signal: AbortSignal,
  report: (line: Acked) => Promise<void>,
): Promise<void> {
  let next = 1;
  const lane = async (conversation: ConversationHandle) => {
    while (next <= plan.count) {
      const text = plan.text.replaceAll('{n}', String(next++));
      await report(await deliver(conversation, text, signal));
    }
  };
  const lanes = sessions.flatMap(({ client }) => {
    const conversation = client.conversation(plan.conversationId);
    return Array.from({ length: inFlight }, () => lane(conversation));
  });
  await Promise.all(lanes);
}

async function deliver(conversation: ConversationHandle, text: string, signal: AbortSignal): Promise<Acked> {
  const messageId = randomUUID();
  const { seq, id } = await retrying(() => conversation.send(text, { messageId, signal }).acked, signal);
  return { conversationId: conversation.id, seq, id, messageId };
}

function reasonOf(signal: AbortSignal, error: unknown, { timeoutS }: Plan): string {
  const cause = inWords(signal.aborted ? signal.reason : error);
  if ((cause as Error).name === 'TimeoutError') return `Not everything was acknowledged within ${timeoutS} s.`;
  if ((cause as Error).name === 'AbortError') return 'Stopped.';
  return cause instanceof CommandFailed ? cause.message : ((cause as Error).stack ?? String(cause));
}
