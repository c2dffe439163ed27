// One connection through the proxy: the upgrade as it is, then message by message, each as the script says.

import type { Socket } from 'node:net';
import { type FaultScript, faultOf, type Silence } from './fault-script.ts';
import { Lane } from './lane.ts';
import { type Message, MessageReader } from './message-reader.ts';
import { Transcript, type WireFrame } from './transcript.ts';

const headEnd = '\r\n\r\n';
/** How the answer to an upgrade begins that was granted. */
const switching = 'HTTP/1.1 101 ';

export interface ConnectionHooks {
  onFrame(frame: WireFrame): void;
  /** Somebody broke RFC 6455 or sent bytes that are no frame. The connection is reset. */
  onViolation(what: string): void;
  onEnd(): void;
}

export class ProxiedConnection {
  readonly #client: Socket;
  readonly #server: Socket;
  readonly #lanes: { up: Lane; down: Lane };
  readonly #script: FaultScript;
  readonly #transcript: Transcript;
  readonly #hooks: ConnectionHooks;

  constructor(number: number, client: Socket, server: Socket, script: FaultScript, hooks: ConnectionHooks) {
    this.#client = client;
    this.#server = server;
    this.#script = script;
    this.#hooks = hooks;
    this.#transcript = new Transcript(number);
    this.#lanes = { up: new Lane(client, server), down: new Lane(server, client) };
    client.setNoDelay();
    server.setNoDelay();
    this.#lead('up', client, server);
    this.#lead('down', server, client);
  }

  /** Bytes of these directions vanish from now on; nobody is told. */
  silence(which: Silence, forMs?: number): void {
    for (const lane of this.#lanesOf(which)) lane.silence(forMs);
    this.#script.note('silence');
  }

  speak(): void {
    for (const lane of this.#lanesOf('both')) lane.speak();
  }

  /** Both sides are reset. */
  cut(): void {
    this.#script.note('cut');
    this.reset();
  }

  /** The same at the end of a test, when it is no fault. */
  reset(): void {
    for (const lane of this.#lanesOf('both')) lane.stop();
    this.#client.resetAndDestroy();
    this.#server.resetAndDestroy();
  }

  #lanesOf(which: Silence): Lane[] {
    return which === 'both' ? [this.#lanes.up, this.#lanes.down] : [this.#lanes[which]];
  }

  #lead(direction: 'up' | 'down', from: Socket, to: Socket): void {
    const lane = this.#lanes[direction];
    const reader = new MessageReader(direction === 'up');
    const frames = (bytes: Buffer) => {
      for (const message of reader.read(bytes)) {
        // Not behind a frame that was cut off.
        if (!from.destroyed) this.#pass(direction, message);
      }
    };
    let take = (bytes: Buffer) => {
      head = Buffer.concat([head, bytes]);
      const end = head.indexOf(headEnd) + headEnd.length;
      if (end < headEnd.length) return;
      const isRefusal = direction === 'down' && !head.toString('latin1', 0, end).startsWith(switching);
      take = isRefusal ? (more) => lane.send(more) : frames;
      lane.send(head.subarray(0, end));
      take(head.subarray(end));
    };
    let head = Buffer.alloc(0);
    from.on('data', (bytes) => this.#guarded(() => take(bytes)));
    from.on('error', () => {});
    from.on('close', () => {
      // A silence swallows the end, too.
      if (!lane.isSilent) lane.end();
      if (from.closed && to.closed) this.#hooks.onEnd();
    });
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#hooks.onViolation((error as Error).message);
      this.reset();
    }
  }

  #pass(direction: 'up' | 'down', { opcode, payload, raw }: Message): void {
    const lane = this.#lanes[direction];
    if (opcode === 'binary') {
      const frame = direction === 'up' ? this.#transcript.fromClient(payload) : this.#transcript.fromServer(payload);
      this.#hooks.onFrame(frame);
      this.#meet(lane, frame, raw);
    } else if (!lane.isSilent) lane.send(raw);
  }

  #meet(lane: Lane, frame: WireFrame, raw: Buffer): void {
    const fate = lane.isSilent ? undefined : this.#script.judge(frame);
    if (fate !== undefined) this.#script.note(faultOf(fate), frame);
    if (fate === 'lose') return;
    if (fate === 'cut') return void this.reset();
    const { silence, forMs, delayMs } = typeof fate === 'object' ? fate : {};
    if (silence) for (const silent of this.#lanesOf(silence)) silent.silence(forMs);
    if (lane.isSilent) this.#script.note('swallow', frame);
    else lane.send(fate === 'double' ? Buffer.concat([raw, raw]) : raw, delayMs);
  }
}
