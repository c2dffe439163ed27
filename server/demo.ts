// The demo conversation of development mode: two people and a first message, so that something moves at once.

import { developmentTenant } from './development.ts';
import { bodyHash } from './domain/draft.ts';
import { identityOf, type TokenClaims } from './domain/identity.ts';
import { signToken } from './domain/tokens.ts';
import type { ConversationNode } from './node.ts';

export interface DemoUser {
  id: string;
  name: string;
  role: 'customer' | 'agent';
}

export interface Demo {
  conversationId: string;
  users: DemoUser[];
  token(userId: string): Promise<string>;
}

const conversationId = 'demo';
const greetingId = '00000000-0000-4000-8000-000000000001';
const tokenTtlS = 86_400;
const users: DemoUser[] = [
  { id: 'ana', name: 'Ana', role: 'customer' },
  { id: 'luis', name: 'Luis', role: 'agent' },
];

/** Opens the demo conversation, or finds it from an earlier start. */
export async function openDemo({ services }: ConversationNode, secret: string): Promise<Demo> {
  const [ana, luis] = await Promise.all(
    users.map(async (user) => {
      const claims = {
        tenant: developmentTenant,
        workspace: 'default',
        ...user,
        expiresAtMs: 0,
        issuedAtMs: 0,
        rooms: [],
      } satisfies TokenClaims;
      return identityOf(claims, await services.users.admit(claims));
    }),
  );
  if (!ana || !luis) throw new Error('the demo has two users');
  const { record } = await services.membership.create(ana, { id: conversationId, channel: 'web', subject: 'Demo', members: ['luis'] });
  const greeting = { type: 'text', text: 'Hi Ana, I am Luis. Write something on the left and watch it arrive here.' } as const;
  await services.log.append({
    ...greeting,
    tenant: developmentTenant,
    conversation: record.key,
    conversationId,
    sender: luis.key,
    senderId: luis.userId,
    senderRole: luis.role,
    messageId: greetingId,
    bodyHash: bodyHash(greeting),
    accessVersion: record.accessVersion,
  });
  return { conversationId, users, token: (userId) => demoToken(secret, userId) };
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
