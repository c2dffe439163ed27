// The demo conversation of development mode: two customers, an agent, a bot and a first message, so that something moves at once.

import { developmentTenant } from './development.ts';
import { bodyHash } from './domain/draft.ts';
import { type Identity, identityOf, type TokenClaims } from './domain/identity.ts';
import { signToken } from './domain/tokens.ts';
import type { Demo, DemoUser } from './http/demo-routes.ts';
import type { ConversationNode } from './node.ts';
import type { ConversationRecord } from './store/store.ts';

type Services = ConversationNode['services'];

const conversationId = 'demo';
const greetingId = '00000000-0000-4000-8000-000000000001';
const tokenTtlS = 86_400;
/** The first one opens the conversation, the agent greets. */
const users: DemoUser[] = [
  { id: 'ana', name: 'Ana', role: 'customer' },
  { id: 'eva', name: 'Eva', role: 'customer' },
  { id: 'luis', name: 'Luis', role: 'agent' },
  { id: 'bot', name: 'Bot', role: 'bot' },
];

/** Opens the demo conversation, or finds it from an earlier start. */
export async function openDemo({ services }: ConversationNode, secret: string): Promise<Demo> {
  const [creator, ...others] = await Promise.all(users.map((user) => admitted(services, user)));
  const agent = others.find(({ role }) => role === 'agent');
  if (!creator || !agent) throw new Error('the demo has a creator and an agent');
  const members = others.map(({ userId }) => userId);
  const { record, created } = await services.membership.create(creator, { id: conversationId, channel: 'web', subject: 'Demo', members });
  await greet(services, record, agent);
  if (!created) await addMissing(services, agent, others);
  return { conversationId, users, token: (userId) => demoToken(secret, userId) };
}

async function admitted(services: Services, user: DemoUser): Promise<Identity> {
  const claims = {
    tenant: developmentTenant,
    workspace: 'default',
    ...user,
    expiresAtMs: 0,
    issuedAtMs: 0,
    rooms: [],
  } satisfies TokenClaims;
  return identityOf(claims, await services.users.admit(claims));
}

async function greet({ log }: Services, record: ConversationRecord, agent: Identity): Promise<void> {
  const greeting = {
    type: 'text',
    text: 'Hi Ana, I am Luis. Write something. Then cut your network and go on writing: nothing gets lost.',
  } as const;
  await log.append({
    ...greeting,
    tenant: developmentTenant,
    conversation: record.key,
    conversationId,
    sender: agent.key,
    senderId: agent.userId,
    senderRole: agent.role,
    messageId: greetingId,
    bodyHash: bodyHash(greeting),
    accessVersion: record.accessVersion,
  });
}

/** Who was not in the demo at an earlier start comes in now, and begins to read here: what was said before is not answered. */
async function addMissing({ conversations, membership, receipts }: Services, agent: Identity, others: Identity[]): Promise<void> {
  const known = await conversations.reload(developmentTenant, conversationId);
  if (!known) return;
  const add = others.map(({ userId }) => userId);
  const { added, entries } = await membership.change(agent, known, { add, remove: [] });
  const head = entries.at(-1)?.seq ?? 0;
  const progress = { tenant: developmentTenant, conversation: known.record.key, conversationId, readSeq: head, deliveredSeq: head };
  await Promise.all(added.map(({ user, id }) => receipts.raise({ ...progress, user, userId: id })));
}

function demoToken(secret: string, userId: string): Promise<string> {
  const user = users.find((one) => one.id === userId);
  if (!user) throw new Error(`no demo user ${userId}`);
  return signToken(secret, {
    userId: user.id,
    name: user.name,
    role: user.role,
    tenantId: developmentTenant,
    workspaceId: 'default',
    ttlS: tokenTtlS,
  });
}
