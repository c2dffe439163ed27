// A network between server and demo page that tells a person's client things which no fault of the page could bring about.

import type { BrowserContext } from 'playwright-core';
import { unpack } from '../../protocol/codec.ts';

type Pass = (frame: Buffer) => void;

export interface Forgery {
  /** Gets each frame from the server, and passes on what the client shall see. */
  toClient?(frame: Buffer, pass: Pass): void;
  /** Gets each frame of the client, and passes on what the server shall see; `answer` reaches the client. */
  toServer?(frame: Buffer, pass: Pass, answer: Pass): void;
}

/** What `prepare` of DemoSite.open takes, to put a forgery on all connections of this person. */
export function forgeWireOf(user: string, { toClient = passOn, toServer = passOn }: Forgery) {
  return (context: BrowserContext): Promise<void> =>
    context.routeWebSocket(/\/app$/, (client) => {
      const server = client.connectToServer();
      let owner: unknown;
      const answer = (frame: Buffer) => client.send(frame);
      client.onMessage((message) => {
        const pass = (frame: Buffer) => server.send(frame);
        if (owner === user) toServer(bytesOf(message), pass, answer);
        else pass(bytesOf(message));
      });
      server.onMessage((message) => {
        const frame = bytesOf(message);
        // The first frame of a connection answers `auth`, with the user's id in its second slot.
        owner ??= (unpack(frame) as [number, number, unknown[]])[2][1];
        if (owner === user) toClient(frame, answer);
        else answer(frame);
      });
    });
}

const passOn = (frame: Buffer, pass: Pass) => pass(frame);

function bytesOf(message: string | Buffer): Buffer {
  // The protocol has no text frames.
  return Buffer.from(message as Buffer);
}
