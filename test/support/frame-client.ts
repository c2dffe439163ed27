// A client of the wire protocol for tests: it speaks frames through the codec and hides nothing.

import { encodeCommand, unpack } from '../../protocol/codec.ts';
import {
  type CommandInput,
  type CommandName,
  type CommandOutput,
  type ErrorBody,
  type ErrorCode,
  errorKind,
  type PushBody,
  type PushName,
  pushNames,
  replyKind,
  subprotocol,
} from '../../protocol/index.ts';
import { errorSlots, pushSlots, replySlots } from '../../protocol/slots.ts';
import { fromTuple } from '../../protocol/tuples.ts';

/** An error reply. */
export class Refused extends Error {
  readonly code: ErrorCode;
  readonly body: ErrorBody;

  constructor(body: ErrorBody) {
    super(`${body.code}: ${body.message}`);
    this.code = body.code as ErrorCode;
    this.body = body;
  }
}

/** An answer as it came: its bytes, and what they say. */
export interface Answer {
  frame: Uint8Array;
  id: number;
  /** The reply, when it is none of an error. */
  reply: unknown;
  error: ErrorBody | undefined;
}

export interface Push<N extends PushName = PushName> {
  name: N;
  body: PushBody<N>;
  /** How many answers had come before it. */
  afterAnswers: number;
}

export interface Closed {
  code: number;
  reason: string;
}

export interface ConnectOptions {
  /** Of the URL, with the query if there is one; `/app` when absent. */
  path?: string;
  headers?: Record<string, string>;
  protocols?: string[];
}

/** How long anything may be waited for before the test fails with what has come instead. */
const patienceMs = 10_000;

export class FrameClient {
  /** Resolves when the connection is closed, by either side. */
  readonly closed: Promise<Closed>;
  /** All pushes so far but `alive`, in order. */
  readonly pushes: Push[] = [];
  /** All answers so far, in order. */
  readonly answers: Answer[] = [];
  readonly #socket: WebSocket;
  readonly #asked = new Map<number, CommandName>();
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #watchers = new Set<() => void>();
  /** How far `next` has looked, by name. */
  readonly #seen = new Map<PushName, number>();
  #lastId = 0;
  #end: Closed | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => this.#take(new Uint8Array(data as ArrayBuffer)));
    this.closed = new Promise((resolve) => {
      socket.addEventListener('close', ({ code, reason }) => {
        this.#end = { code, reason };
        resolve(this.#end);
        for (const watch of this.#watchers) watch();
      });
    });
  }

  /** @throws Error when the upgrade is refused; `upgrade` tells with which status. */
  static async connect(url: string, { path = '/app', headers = {}, protocols = [subprotocol] }: ConnectOptions = {}): Promise<FrameClient> {
    // Node's own WebSocket takes headers, which browsers do not.
    const socket = new WebSocket(url + path, { protocols, headers } as unknown as string[]);
    socket.binaryType = 'arraybuffer';
    const client = new FrameClient(socket);
    await new Promise<void>((resolve, reject) => {
      socket.addEventListener('open', () => resolve());
      socket.addEventListener('error', () => reject(new Error(`${url}${path} was refused`)));
    });
    return client;
  }

  get isOpen(): boolean {
    return this.#end === undefined;
  }

  /** The subprotocol that the server echoed. */
  get protocol(): string {
    return this.#socket.protocol;
  }

  /** Sends a command and waits for nothing. @returns its request id */
  send<N extends CommandName>(name: N, body: CommandInput<N>): number {
    const id = ++this.#lastId;
    this.#asked.set(id, name);
    this.sendRaw(encodeCommand(name, id, body));
    return id;
  }

  sendRaw(bytes: Uint8Array | string): void {
    this.#socket.send(bytes as Uint8Array<ArrayBuffer> | string);
  }

  /** The answer to a request id, now or when it comes. Id 0 is for frames whose id could not be read. */
  answer(id: number): Promise<Answer> {
    const come = id === 0 ? undefined : this.answers.find((answer) => answer.id === id);
    if (come) return Promise.resolve(come);
    return this.#patiently(`the answer to request ${id}`, (resolve) => this.#waiting.set(id, resolve));
  }

  /** The answer to a command, bytes and all, whether it is a reply or an error. */
  exchange<N extends CommandName>(name: N, body: CommandInput<N>): Promise<Answer> {
    return this.answer(this.send(name, body));
  }

  /** @throws Refused */
  async request<N extends CommandName>(name: N, body: CommandInput<N>): Promise<CommandOutput<N>> {
    const { reply, error } = await this.exchange(name, body);
    if (error) throw new Refused(error);
    return reply as CommandOutput<N>;
  }

  /** The code a command is refused with; undefined when it is not. */
  async refusal<N extends CommandName>(name: N, body: CommandInput<N>): Promise<ErrorCode | undefined> {
    return (await this.exchange(name, body)).error?.code as ErrorCode | undefined;
  }

  auth(token: string | undefined, more: Omit<CommandInput<'auth'>, 'token'> = {}): Promise<CommandOutput<'auth'>> {
    return this.request('auth', { token, ...more });
  }

  /** The next push of this name that fits; those before it are passed over. */
  next<N extends PushName>(name: N, fits: (body: PushBody<N>) => boolean = () => true): Promise<PushBody<N>> {
    return this.#patiently(`a push ${name}`, (resolve) => {
      const look = () => {
        for (let i = this.#seen.get(name) ?? 0; i < this.pushes.length; i++) {
          const push = this.pushes[i] as Push<N>;
          if (push.name !== name || !fits(push.body)) continue;
          this.#seen.set(name, i + 1);
          this.#watchers.delete(look);
          resolve(push.body);
          return;
        }
      };
      this.#watchers.add(look);
      look();
    });
  }

  /** Bodies of all pushes of this name so far. */
  all<N extends PushName>(name: N): PushBody<N>[] {
    return this.pushes.filter((push): push is Push<N> => push.name === name).map(({ body }) => body);
  }

  /** Seqs of all `message:new` of a conversation so far. */
  seqs(conversationId: string): number[] {
    return this.all('message:new')
      .filter((entry) => entry.conversationId === conversationId)
      .map(({ seq }) => seq);
  }

  /** Everything the server has sent until now has come: a `ping` went there and back. */
  async settled(): Promise<void> {
    await this.request('ping', {});
  }

  /** Closes and waits until it is. */
  async close(): Promise<Closed> {
    this.#socket.close(1000);
    return this.closed;
  }

  #take(frame: Uint8Array): void {
    const [kind, second, third] = unpack(frame) as [number, unknown, unknown[]];
    if (kind === replyKind || kind === errorKind) this.#answered(frame, kind, second as number, third);
    else {
      const name = pushNames.get(kind);
      if (name === undefined) throw new Error(`a push with the unknown op ${kind}`);
      const body = fromTuple(pushSlots[name], second as unknown[]) as PushBody<PushName>;
      if (name !== 'alive') this.pushes.push({ name, body, afterAnswers: this.answers.length });
    }
    for (const watch of this.#watchers) watch();
  }

  #answered(frame: Uint8Array, kind: number, id: number, slots: unknown[]): void {
    const name = this.#asked.get(id);
    const error = kind === errorKind ? (fromTuple(errorSlots, slots) as ErrorBody) : undefined;
    const reply = error || name === undefined ? undefined : fromTuple(replySlots[name], slots);
    const answer = { frame, id, reply, error };
    this.answers.push(answer);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.(answer);
  }

  #patiently<T>(what: string, begin: (resolve: (value: T) => void) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const fail = (why: string) => {
        const come = [
          ...this.pushes.slice(-5).map(({ name }) => name),
          ...this.answers.slice(-5).map((one) => `${one.id} ${one.error?.code ?? 'ok'}`),
        ];
        reject(new Error(`waited for ${what}: ${why}; last came ${come.join(', ') || 'nothing'}`));
      };
      const timer = setTimeout(() => fail('it did not come'), patienceMs);
      const finish = (value: T) => {
        clearTimeout(timer);
        resolve(value);
      };
      begin(finish);
      void this.closed.then(({ code }) => {
        clearTimeout(timer);
        fail(`the connection was closed with ${code}`);
      });
    });
  }
}

/** The bytes of an answer without its request id, for comparing answers to different requests. */
export function withoutId({ frame }: Answer): string {
  const idBytes = { 204: 2, 205: 3, 206: 5 }[frame[2] as number] ?? 1;
  return Buffer.concat([frame.subarray(0, 2), frame.subarray(2 + idBytes)]).toString('hex');
}
