// What the SDK and a server do together. It runs against the memory server of client-sdk/testing and against the real one, so
// that the two cannot drift apart.

import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import { company } from './company.ts';
import { connecting } from './connect.ts';
import { membership } from './membership.ts';
import { paging } from './paging.ts';
import { receipts } from './receipts.ts';
import { resuming } from './resume.ts';
import { sending } from './send.ts';
import type { World } from './world.ts';

export function sdkSuite(name: string, open: () => Promise<World>): void {
  describe(`the SDK and ${name}`, () => {
    let world: World;
    beforeAll(async () => {
      world = await open();
    });
    afterEach(() => world.leave());
    afterAll(() => world.close());
    for (const part of [connecting, sending, resuming, membership, receipts, paging, company]) part(() => world);
  });
}
