// What goes to everybody on a topic, on every node: the same bytes here and there, and nothing over the bus when nobody listens.

import { expect, test } from 'vitest';
import { encodePush } from '../../../protocol/codec.ts';
import { type BusEvent, busKinds } from '../../../server/bus/index.ts';
import { FanOut } from '../../../server/domain/fan-out.ts';
import { conversationTopic, roomTopic, userTopic } from '../../../server/domain/topics.ts';

class Node {
  readonly published: [string, string][] = [];
  readonly told: BusEvent[] = [];
  readonly fanOut: FanOut;

  constructor(remote: boolean) {
    const publish = (topic: string, frame: Uint8Array) => void this.published.push([topic, Buffer.from(frame).toString('hex')]);
    this.fanOut = new FanOut({ publish }, { remote, tell: (call, events) => void this.told.push(...(call === 0 ? events : [])) });
  }
}

const frame = encodePush('event', { name: 'bell', data: { n: 1 } });
const hex = frame.toString('hex');
const topic = roomTopic('t', 'r');

test('a push to a topic is the same on the other node', () => {
  const [here, there] = [new Node(true), new Node(true)];
  here.fanOut.publish(topic, frame);
  expect(here.told).toMatchObject([{ kind: busKinds.topic, key: 0, seq: 0 }]);
  // What the bus hands over is a view into a larger buffer.
  const received = Buffer.concat([Buffer.alloc(7), here.told[0]!.frame, Buffer.alloc(9)]);
  there.fanOut.heard(received.subarray(7, received.length - 9));
  expect(here.published).toEqual([[topic, hex]]);
  expect(there.published).toEqual([[topic, hex]]);
});

test('users and conversations are named by their keys', () => {
  const here = new Node(true);
  here.fanOut.toUser(7, frame);
  here.fanOut.toConversation(8, frame);
  expect(here.published).toEqual([
    [userTopic(7), hex],
    [conversationTopic(8), hex],
  ]);
  expect(here.told.map(({ kind, key }) => [kind, key])).toEqual([
    [busKinds.user, 7],
    [busKinds.conversation, 8],
  ]);
});

test('one node alone encodes nothing for others', () => {
  const alone = new Node(false);
  alone.fanOut.publish(topic, frame);
  alone.fanOut.toUser(7, frame);
  alone.fanOut.toConversation(8, frame);
  expect([alone.told, alone.published.length]).toEqual([[], 3]);
});
