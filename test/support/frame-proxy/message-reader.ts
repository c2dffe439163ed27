// A stream of bytes as WebSocket messages (RFC 6455), in whatever pieces TCP brings them. Keeps the bytes of each message as they
// came, mask and fragments included: what is passed on is exactly what was sent.

const opcodes = { 0: 'continuation', 1: 'text', 2: 'binary', 8: 'close', 9: 'ping', 10: 'pong' } as const;

type Opcode = (typeof opcodes)[keyof typeof opcodes];

/** A message, or a control frame. */
export interface Message {
  readonly opcode: Exclude<Opcode, 'continuation'>;
  /** Unmasked, the fragments put together. */
  readonly payload: Buffer;
  /** All its frames as they came. */
  readonly raw: Buffer;
}

interface Frame {
  opcode: Opcode;
  final: boolean;
  payload: Buffer;
  raw: Buffer;
}

const maxControlBytes = 125;

export class MessageReader {
  readonly #masked: boolean;
  #bytes = Buffer.alloc(0);
  /** Fragments of a message that is not complete. */
  #fragments: Frame[] = [];

  /** @param masked whether the frames must be masked: those of a client must, those of a server must not */
  constructor(masked: boolean) {
    this.#masked = masked;
  }

  /**
   * The messages that are complete with these bytes.
   * @throws Error when the bytes break RFC 6455
   */
  read(bytes: Buffer): Message[] {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const messages: Message[] = [];
    for (let frame = this.#frame(); frame; frame = this.#frame()) {
      const message = this.#complete(frame);
      if (message) messages.push(message);
    }
    return messages;
  }

  #frame(): Frame | undefined {
    const head = headOf(this.#bytes);
    if (!head || this.#bytes.length < head.end) return undefined;
    const { opcode, final, mask, start, end } = head;
    if ((mask !== undefined) !== this.#masked) throw new Error(this.#masked ? 'a client frame without a mask' : 'a masked server frame');
    const raw = this.#bytes.subarray(0, end);
    const payload = Buffer.from(raw.subarray(start));
    if (mask) unmask(payload, mask);
    this.#bytes = this.#bytes.subarray(end);
    return { opcode, final, payload, raw };
  }

  #complete(frame: Frame): Message | undefined {
    const { opcode, final, payload, raw } = frame;
    if (opcode === 'close' || opcode === 'ping' || opcode === 'pong') {
      if (!final || payload.length > maxControlBytes) throw new Error(`a ${opcode} that is fragmented or too long`);
      return { opcode, payload, raw };
    }
    if ((opcode === 'continuation') !== this.#fragments.length > 0) throw new Error(`a ${opcode} frame out of turn`);
    this.#fragments.push(frame);
    if (!final) return undefined;
    const fragments = this.#fragments;
    this.#fragments = [];
    return {
      opcode: fragments[0]?.opcode as 'text' | 'binary',
      payload: Buffer.concat(fragments.map((one) => one.payload)),
      raw: Buffer.concat(fragments.map((one) => one.raw)),
    };
  }
}

function unmask(payload: Buffer, mask: Buffer): void {
  for (const [i, byte] of payload.entries()) payload[i] = byte ^ (mask[i & 3] as number);
}

interface Head {
  opcode: Opcode;
  final: boolean;
  mask: Buffer | undefined;
  /** Where the payload starts and ends. */
  start: number;
  end: number;
}

/** Undefined while it is not complete. */
function headOf(bytes: Buffer): Head | undefined {
  const [first, second] = bytes;
  if (first === undefined || second === undefined) return undefined;
  const opcode = opcodes[(first & 0x0f) as keyof typeof opcodes];
  if (opcode === undefined || (first & 0x70) !== 0) throw new Error(`no frame begins with the byte ${first}`);
  const short = second & 0x7f;
  const lengthEnd = short === 126 ? 4 : short === 127 ? 10 : 2;
  const start = lengthEnd + (second & 0x80 ? 4 : 0);
  if (bytes.length < start) return undefined;
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (length < { 126: 126, 127: 65_536 }[short]!) throw new Error(`the length ${length} in ${lengthEnd - 2} bytes`);
  const mask = start > lengthEnd ? Buffer.from(bytes.subarray(lengthEnd, start)) : undefined;
  return { opcode, final: (first & 0x80) !== 0, mask, start, end: start + length };
}
