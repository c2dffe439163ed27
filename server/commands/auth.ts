// auth and auth:refresh. A session is registered first and its user checked last, so that an expel in between cannot miss it.

import { commandBodies } from '../../protocol/bodies/index.ts';
import type { CommandOutput, Path, Role } from '../../protocol/index.ts';
import { limits, paths } from '../../protocol/index.ts';
import { controlEvent } from '../domain/controls.ts';
import { type Identity, identityOf, type TokenClaims } from '../domain/identity.ts';
import { TokenRefused } from '../domain/tokens.ts';
import { agentsTopic, aliveTopic, roleTopic, tenantTopic, userTopic, workspaceTopic } from '../domain/topics.ts';
import { fromStore, unavailable } from '../domain/unavailable.ts';
import { CommandError } from '../errors.ts';
import { endFollowed, isAdmitted } from '../session/eviction.ts';
import { announcedRates, ratesFor } from '../session/rate-limit.ts';
import type { Session } from '../session/session.ts';
import { StoreUnavailable, type UserRecord } from '../store/store.ts';
import { type Context, defineRoute, type Route } from './route.ts';
import type { Services } from './services.ts';

export function admitSession(services: Services): Route {
  return defineRoute({
    name: 'auth',
    ...commandBodies.auth,
    handle: ({ session }, { token, previousSessionId }) => {
      if (session.state !== 'opening')
        throw new CommandError('NOT_AUTHENTICATED', 'this session is authenticated already; use auth:refresh');
      session.state = 'authenticating';
      return admit(services, session, token ?? session.upgradeToken, previousSessionId).catch((error: unknown) => {
        services.registry.withdraw(session);
        throw refused(session, error);
      });
    },
  });
}

/** Every refusal of auth closes; a client that may come back learns so from the close code. */
function refused(session: Session, error: unknown): unknown {
  const code = error instanceof AdmissionRefused ? error.closeCode : error instanceof TokenRefused ? 4401 : 1013;
  const answer =
    error instanceof AdmissionRefused || error instanceof TokenRefused
      ? new CommandError(code === 4403 ? 'ACCESS_DENIED' : 'NOT_AUTHENTICATED', error.message)
      : unavailable(error);
  // The error reply goes first.
  setImmediate(() => session.end(code, answer instanceof CommandError ? answer.message : 'not admitted'));
  return answer;
}

class AdmissionRefused extends Error {
  readonly closeCode: 4401 | 4403;

  constructor(closeCode: 4401 | 4403, message: string) {
    super(message);
    this.closeCode = closeCode;
  }
}

async function admit(
  services: Services,
  session: Session,
  token: string | undefined,
  previousSessionId: string | undefined,
): Promise<CommandOutput<'auth'>> {
  if (token === undefined) throw new TokenRefused('no token');
  const claims = await services.verifyToken(token, { path: session.path, address: session.address });
  checkPath(session.path, claims.role);
  const user = await services.users.admit(claims);
  if (session.state !== 'authenticating') throw new AdmissionRefused(4401, 'the session is closed');
  const identity = identityOf(claims, user);
  session.identity = identity;
  session.tokenIssuedAtMs = claims.issuedAtMs;
  services.registry.enter(session, user.key);
  const current = services.users.current(user);
  session.rights = current.rights;
  checkUser(current, claims);
  dropPredecessor(services, identity, previousSessionId);
  services.notifications.open(user.key, user.inbox);
  session.ownInbox(user.inbox);
  const [notificationsHead] = await Promise.all([enter(services, identity), makeRoom(services, session, identity)]);
  if (session.state !== 'authenticating') throw new AdmissionRefused(4401, 'the session is closed');
  session.authenticated(identity, claims);
  scheduleExpiry(session);
  for (const topic of topicsOf(identity)) session.subscribe(topic);
  services.presence.enter(session);
  return replyOf(services, session, identity, claims, notificationsHead);
}

function checkPath(path: Path, role: Role): void {
  if (!(paths[path] as readonly Role[]).includes(role)) throw new AdmissionRefused(4403, `role ${role} is not admitted on ${path}`);
}

/** @throws AdmissionRefused for a deactivated user, and for a token from before an expulsion. */
function checkUser(user: UserRecord, claims: TokenClaims): void {
  if (!user.active) throw new AdmissionRefused(4403, 'the user is deactivated');
  if (!isAdmitted(user, claims.issuedAtMs)) throw new AdmissionRefused(4401, 'the token was revoked');
}

/** The half-open connection a client has left behind would otherwise count until its ping times out. */
function dropPredecessor({ registry, announce }: Services, { key }: Identity, previousSessionId: string | undefined): void {
  if (previousSessionId === undefined || endFollowed(registry, key, previousSessionId)) return;
  if (announce.remote) announce.tell(0, [controlEvent(key, { type: 'followed', sessionId: previousSessionId })]);
}

/** Ends the sessions that the policy does not allow beside this one. With the store down, only those of this node are known. */
async function makeRoom({ settings, registry, singleSessions }: Services, session: Session, { key, role }: Identity): Promise<void> {
  const single = settings.sessionPolicy === 'single' && role !== 'bot' && role !== 'service';
  if (!single) {
    registry.makeRoom(session, key);
    return;
  }
  try {
    await singleSessions.take(session, key);
  } catch (error) {
    if (!(error instanceof StoreUnavailable)) throw error;
    registry.makeRoom(session, key);
    void singleSessions.takeLater(session, key);
  }
}

/** Loads what the node keeps for an online user. With the store down, a user from the cache is let in without it. */
async function enter(services: Services, identity: Identity): Promise<number> {
  const { delivery, updates } = services;
  const asked = delivery.position(identity.inbox);
  try {
    const { inboxHead, conversations } = await services.enterUser({
      user: identity.key,
      inbox: identity.inbox,
      limit: limits.joinedConversations[identity.role],
    });
    updates.enter(
      identity.key,
      conversations.map((one) => one.conversation),
    );
    return delivery.started(identity.inbox, inboxHead, asked);
  } catch (error) {
    if (error instanceof StoreUnavailable) return asked;
    throw error;
  }
}

function topicsOf(identity: Identity): string[] {
  const { key, tenantId, workspaceId, role } = identity;
  const topics = [aliveTopic, userTopic(key), tenantTopic(tenantId), workspaceTopic(tenantId, workspaceId), roleTopic(tenantId, role)];
  if (role === 'agent' || role === 'admin') topics.push(agentsTopic(tenantId, workspaceId));
  return topics;
}

function replyOf(
  { settings, store }: Services,
  session: Session,
  identity: Identity,
  claims: TokenClaims,
  notificationsHead: number,
): CommandOutput<'auth'> {
  const { userId, name, role, tenantId, workspaceId, email } = identity;
  return {
    sessionId: session.id,
    userId,
    name,
    role,
    tenantId,
    workspaceId,
    serverTime: Date.now(),
    tokenExpiresAt: claims.expiresAtMs,
    generation: store.generation,
    notificationsHead,
    limits: {
      maxFrameBytes: limits.maxFrameBytes,
      maxTextLength: limits.maxTextLength,
      maxMetadataBytes: limits.maxMetadataBytes,
      historyPage: limits.historyPage,
      maxPositions: limits.maxPositions,
      maxJoins: limits.maxJoins,
      joinedConversations: limits.joinedConversations[role],
      rates: announcedRates(ratesFor(settings.rateProfile, role)),
    },
    email,
  };
}

export function refreshToken({ verifyToken, users }: Services): Route {
  return defineRoute({
    name: 'auth:refresh',
    ...commandBodies['auth:refresh'],
    handle: async ({ session, identity }: Context, { token }) => {
      const claims = await verifyToken(token, { path: session.path, address: session.address }).catch((error: unknown) => {
        throw error instanceof TokenRefused ? new CommandError('NOT_AUTHENTICATED', error.message) : error;
      });
      if (claims.tenant !== identity.tenantId || claims.id !== identity.userId)
        throw new CommandError('ACCESS_DENIED', 'the token is of another user or tenant');
      if (claims.role !== identity.role || claims.workspace !== identity.workspaceId) {
        setImmediate(() => session.end(4401, 'role or workspace changed: connect again'));
        throw new CommandError('NOT_AUTHENTICATED', 'role or workspace changed: connect again');
      }
      const user = await fromStore(users.admit(claims));
      if (!isAdmitted(user, claims.issuedAtMs)) throw new CommandError('NOT_AUTHENTICATED', 'the token was revoked');
      session.identity = { ...identity, rooms: claims.rooms };
      session.tokenExpiresAtMs = claims.expiresAtMs;
      session.tokenIssuedAtMs = claims.issuedAtMs;
      scheduleExpiry(session);
      return { tokenExpiresAt: claims.expiresAtMs, serverTime: Date.now() };
    },
  });
}

/** The first of the three moments of a token's end; `meetDeadline` goes on from there. */
export function scheduleExpiry(session: Session): void {
  session.expiry = 'valid';
  session.deadlineMs = session.tokenExpiresAtMs - limits.tokenExpiringMs;
}

/** What is due for a session whose deadline has come: no auth in time, or the next step of its token's end. */
export function meetDeadline(session: Session, nowMs: number): void {
  const expiresAt = session.tokenExpiresAtMs;
  const closesAt = expiresAt + limits.tokenToleranceMs + limits.tokenGraceMs;
  if (!session.isLive) {
    session.end(4408, 'no auth in time');
  } else if (nowMs >= closesAt) {
    session.end(4401, 'the token has expired');
  } else if (nowMs >= expiresAt) {
    if (session.expiry !== 'expired') session.push('token:expired', { expiresAt, closesAt });
    session.expiry = 'expired';
    session.deadlineMs = closesAt;
  } else {
    if (session.expiry === 'valid') session.push('token:expiring', { expiresAt });
    session.expiry = 'expiring';
    session.deadlineMs = expiresAt;
  }
}
