// The users in one room, as this node knows them of the whole cluster, in pages that stay where they are while others come and go.

/** A page of user ids in rising order; `cursor` is absent on the last one. */
export interface RoomPage {
  members: string[];
  memberCount: number;
  cursor?: string;
}

export class Room {
  readonly #members = new Set<string>();
  /** Made when a page is asked for, dropped with the next change. */
  #sorted: string[] | undefined;
  /** Sessions of this node that have joined it. */
  visitors = 0;

  get size(): number {
    return this.#members.size;
  }

  has(userId: string): boolean {
    return this.#members.has(userId);
  }

  add(userId: string): void {
    this.#members.add(userId);
    this.#sorted = undefined;
  }

  delete(userId: string): void {
    this.#members.delete(userId);
    this.#sorted = undefined;
  }

  get members(): readonly string[] {
    this.#sorted ??= [...this.#members].sort();
    return this.#sorted;
  }

  /** At most `limit` members behind the user id `cursor`, who need not be in the room any more. */
  page(limit: number, cursor?: string): RoomPage {
    const { members } = this;
    const from = cursor === undefined ? 0 : positionBehind(members, cursor);
    const page = members.slice(from, from + limit);
    const last = from + limit < members.length ? page.at(-1) : undefined;
    return { members: page, memberCount: members.length, ...(last === undefined ? {} : { cursor: last }) };
  }
}

/** Index of the first id that is greater than the given one. */
function positionBehind(ids: readonly string[], id: string): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ids[middle] as string) <= id) low = middle + 1;
    else high = middle;
  }
  return low;
}
