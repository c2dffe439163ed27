// Whom the sessions of this node see: asked in the store at every subscribe, and again when a customer, or somebody a customer
// hears of, has lost a conversation that they may have had in common.

import type { Logger } from 'pino';
import { CommandError } from '../../errors.ts';
import type { Key, Peer, Store } from '../../store/store.ts';
import type { Clock } from '../clock.ts';
import type { Identity } from '../identity.ts';
import { fromStore } from '../unavailable.ts';
import type { OwnUsers, PresentSession } from './own-users.ts';
import { Rechecks } from './rechecks.ts';
import { scopeOf, seesEmail, unseen } from './visibility.ts';
import type { Watchers } from './watchers.ts';

export interface SightOptions {
  store: Pick<Store, 'findPeers'>;
  own: OwnUsers;
  watchers: Watchers;
  clock: Clock;
  log: Logger;
  /** Whether others see the user as connected. */
  isShown: (user: Key) => boolean;
}

export class Sight {
  readonly #options: SightOptions;
  readonly #rechecks: Rechecks;
  /** The last subscribe of a session, by its place among the commands. */
  readonly #asked = new WeakMap<PresentSession, number>();
  /** For each subscribe under way, users of whom a recheck was asked since it began to read. */
  readonly #underWay = new Set<Set<Key>>();

  constructor(options: SightOptions) {
    this.#options = options;
    const { clock, log } = options;
    this.#rechecks = new Rechecks({ clock, log, judge: (session) => this.#judge(session) });
  }

  /**
   * Replaces the users a session hears of by those of the named ones whom it may see, and answers these.
   * @param place of the command: of two at once the later one counts.
   * @throws CommandError UNAVAILABLE
   */
  async subscribe(session: PresentSession, viewer: Identity, userIds: readonly string[], place: number): Promise<Peer[]> {
    this.#asked.set(session, place);
    const doubted = new Set<Key>();
    this.#underWay.add(doubted);
    const peers = await this.#findPeers(viewer, userIds).finally(() => this.#underWay.delete(doubted));
    if (!session.isLive) throw new CommandError('UNAVAILABLE', 'the session has ended', { retryAfterMs: 0 });
    if (this.#asked.get(session) !== place) return peers;
    const watched = peers.map(({ key, id, workspace }) => ({ key, id, withEmail: seesEmail(viewer, workspace) }));
    this.#options.watchers.replace(session, watched);
    if (doubted.has(viewer.key) || peers.some(({ key }) => doubted.has(key))) this.#recheck(session);
    return peers;
  }

  /** A user has lost a conversation: whom they see, and who sees them, is asked again. */
  recheck(user: Key): void {
    const { own, watchers } = this.#options;
    for (const doubted of this.#underWay) doubted.add(user);
    for (const session of own.sessionsOf(user)) this.#recheck(session);
    for (const session of watchers.watching(user)) this.#recheck(session);
  }

  leave(session: PresentSession): void {
    this.#rechecks.leave(session);
    this.#options.watchers.leave(session);
  }

  close(): void {
    this.#rechecks.close();
  }

  /** Only what customers see depends on conversations alone. */
  #recheck(session: PresentSession): void {
    if (session.identity?.role === 'customer' && this.#asked.has(session)) this.#rechecks.add(session);
  }

  async #judge(session: PresentSession): Promise<void> {
    const { watchers, isShown } = this.#options;
    const watched = watchers.of(session);
    const place = this.#asked.get(session);
    const ids = watched.map(({ id }) => id);
    const peers = new Set((await this.#findPeers(session.identity as Identity, ids)).map(({ key }) => key));
    // A subscribe that came since then has asked for itself.
    if (!session.isLive || this.#asked.get(session) !== place) return;
    const [seen, lost] = [watched.filter(({ key }) => peers.has(key)), watched.filter(({ key }) => !peers.has(key))];
    if (lost.length === 0) return;
    watchers.replace(session, seen);
    for (const { key, id } of lost) if (isShown(key)) session.push('presence:update', unseen(id));
  }

  async #findPeers(viewer: Identity, userIds: readonly string[]): Promise<Peer[]> {
    if (userIds.length === 0) return [];
    const { tenantId: tenant, key, workspaceId: workspace, role } = viewer;
    return fromStore(this.#options.store.findPeers({ tenant, viewer: key, userIds, scope: scopeOf(role), workspace }));
  }
}
