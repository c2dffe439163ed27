// Ids of entries: UUIDv7, whose time prefix keeps the unique index local. Random bytes are drawn in one large piece, since a
// call of the system's generator costs more than all the rest of an id.

import { randomFillSync } from 'node:crypto';
import { v7 } from 'uuid';

const pool = new Uint8Array(4_096);
const bytesPerId = 16;
let used = pool.length;

export function newEntryId(): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + bytesPerId);
  used += bytesPerId;
  return v7({ random });
}
