// The outbox: frames of one turn leave together and in order, one socket's after the other.

import { describe, expect, test } from 'vitest';
import { Outbox, OutboxTicker } from '../../../server/session/outbox.ts';
import { RecordingSocket } from './recording-socket.ts';

const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
const frame = (value: number) => Uint8Array.of(value);

describe('the outbox', () => {
  test('sends one frame as it is, later in the turn', async () => {
    const socket = new RecordingSocket();
    new Outbox(socket, new OutboxTicker()).push(frame(1));
    expect(socket.calls).toEqual([]);
    await turn();
    expect(socket.calls).toEqual([frame(1)]);
  });

  test('corks several, in the order they were pushed', async () => {
    const socket = new RecordingSocket();
    const outbox = new Outbox(socket, new OutboxTicker());
    for (const value of [1, 2, 3]) outbox.push(frame(value));
    await turn();
    expect(socket.calls).toEqual(['cork(', frame(1), frame(2), frame(3), ')']);
    outbox.push(frame(4));
    await turn();
    expect(socket.calls.slice(5)).toEqual([frame(4)]);
  });

  test('a flush before the tick sends once', async () => {
    const socket = new RecordingSocket();
    const outbox = new Outbox(socket, new OutboxTicker());
    outbox.push(frame(1));
    outbox.flush();
    outbox.push(frame(2));
    await turn();
    await turn();
    expect(socket.frames).toEqual([frame(1), frame(2)]);
  });

  test('one tick serves all sockets, and what is pushed meanwhile the next', async () => {
    const ticker = new OutboxTicker();
    const sockets = [new RecordingSocket(), new RecordingSocket()];
    const [first, second] = sockets.map((socket) => new Outbox(socket, ticker)) as [Outbox, Outbox];
    first.push(frame(1));
    second.push(frame(2));
    setImmediate(() => first.push(frame(3)));
    await turn();
    await turn();
    expect(sockets.map((socket) => socket.frames)).toEqual([[frame(1), frame(3)], [frame(2)]]);
  });
});
