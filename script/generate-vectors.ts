// Writes protocol/vectors.json. The file is frozen: run this to add samples, and see that no existing line of hex changes.

import { writeFileSync } from 'node:fs';
import { encodeCommand, encodeError, encodePush, encodeReply, pack } from '../protocol/codec.ts';
import { array, bytes, float32, float64, head32, string32, uint64 } from './vectors/byte-writer.ts';
import { commandSamples } from './vectors/commands.ts';
import { pushSamples } from './vectors/pushes.ts';
import { errorSamples, replySamples } from './vectors/replies.ts';

const hex = (frame: Uint8Array) => Buffer.from(frame).toString('hex');

const frames = [
  ...commandSamples.map(({ name, op, id, body }) => ({
    name,
    direction: 'command',
    op,
    id,
    body,
    hex: hex(encodeCommand(op, id, body as never)),
  })),
  ...replySamples.map(({ name, op, id, body }) => ({
    name,
    direction: 'reply',
    op,
    id,
    body,
    hex: hex(encodeReply(op, id, body as never)),
  })),
  ...errorSamples.map(({ name, id, body }) => ({ name, direction: 'error', id, body, hex: hex(encodeError(id, body)) })),
  ...pushSamples.map(({ name, op, body }) => ({ name, direction: 'push', op, body, hex: hex(encodePush(op, body as never)) })),
];

const nil = Buffer.of(0xc0);
const typing = { op: 'typing:start', id: 5, body: { conversationId: 'order-42' } } as const;
const typingOp = Buffer.of(23);
const five = Buffer.of(5);
const orderSlot = pack('order-42');

// Other encodings of a command that must be read all the same.
const accepted = [
  { name: 'op and id as float 64', ...typing, frame: array(float64(23), float64(5), array(orderSlot)) },
  { name: 'id as float 32', ...typing, frame: array(typingOp, float32(5), array(orderSlot)) },
  { name: 'id as uint 64', ...typing, frame: array(typingOp, uint64(5n), array(orderSlot)) },
  { name: 'id as int 64', ...typing, frame: array(typingOp, bytes('d3 0000000000000005'), array(orderSlot)) },
  {
    name: 'long heads',
    ...typing,
    frame: Buffer.concat([head32(0xdd, 3), bytes('cd 0017 ce 00000005'), head32(0xdd, 1), string32('order-42')]),
  },
  { name: 'slots beyond the table', ...typing, frame: array(typingOp, five, array(orderSlot, pack({ later: [1, 2] }), nil)) },
  { name: 'elements behind the body', ...typing, frame: array(typingOp, five, array(orderSlot), pack('later')) },
  {
    name: 'trailing nil',
    op: 'conversation:history',
    id: 5,
    body: { conversationId: 'order-42' },
    frame: pack([18, 5, ['order-42', null, null, null]]),
  },
  { name: 'body nil', op: 'ping', id: 5, body: {}, frame: array(Buffer.of(4), five, nil) },
  { name: 'body missing', op: 'ping', id: 5, body: {}, frame: array(Buffer.of(4), five) },
  {
    name: 'seq as uint 64',
    op: 'conversation:read',
    id: 5,
    body: { conversationId: 'order-42', seq: 42 },
    frame: array(Buffer.of(19), five, array(orderSlot, uint64(42n))),
  },
  {
    name: 'the highest seq as uint 64',
    op: 'conversation:read',
    id: 5,
    body: { conversationId: 'order-42', seq: Number.MAX_SAFE_INTEGER },
    frame: array(Buffer.of(19), five, array(orderSlot, uint64(9_007_199_254_740_991n))),
  },
].map(({ frame, ...rest }) => ({ ...rest, hex: hex(frame) }));

// `id` is the request id under which the refusal comes.
const malformed = [
  { name: 'nothing', hex: '', fault: 'truncated' },
  { name: 'a body cut off', hex: '930405', fault: 'truncated' },
  { name: 'a string head cut off', hex: '931705 91 da00', fault: 'truncated' },
  { name: 'an integer cut off', hex: '9304ce0000', fault: 'truncated' },
  { name: 'a float cut off', hex: '9304cb00000000', fault: 'truncated' },
  { name: 'the last integer cut off', hex: '931705 91 ce0000', fault: 'truncated' },
  { name: 'a string one byte short', hex: '931705 91 a26f', fault: 'truncated' },
  { name: 'bytes behind the frame', hex: '93040590 00', fault: 'trailing' },
  { name: 'two frames', hex: '93040590 93040690', fault: 'trailing' },
  { name: 'a string longer than the frame', hex: '931705 91 db7fffffff 6f', fault: 'truncated' },
  { name: 'an array longer than the frame', hex: 'ddffffffff', fault: 'truncated' },
  { name: 'a map longer than the frame', hex: '930405 dfffffffff', fault: 'truncated' },
  { name: 'the reserved byte', hex: '930405 91 c1', fault: 'reserved' },
  { name: 'bin 8', hex: '930405 91 c40101', fault: 'binary' },
  { name: 'bin 16', hex: '930405 91 c5000101', fault: 'binary' },
  { name: 'bin 32', hex: '930405 91 c60000000101', fault: 'binary' },
  { name: 'fixext 1, the private undefined of some libraries', hex: '930405 91 d40000', fault: 'extension' },
  { name: 'fixext 2', hex: '930405 91 d5010000', fault: 'extension' },
  { name: 'fixext 4, a timestamp', hex: '930405 91 d6ff00000000', fault: 'extension' },
  { name: 'fixext 8, a timestamp', hex: '930405 91 d7ff0000000000000000', fault: 'extension' },
  { name: 'fixext 16', hex: '930405 91 d80100000000000000000000000000000000', fault: 'extension' },
  { name: 'ext 8', hex: '930405 91 c7010100', fault: 'extension' },
  { name: 'ext 16', hex: '930405 91 c800010100', fault: 'extension' },
  { name: 'ext 32', hex: '930405 91 c9000000010100', fault: 'extension' },
  { name: 'a stray continuation byte in a string', hex: '931705 91 a180', fault: 'utf8' },
  { name: 'an overlong slash', hex: '931705 91 a2c0af', fault: 'utf8' },
  { name: 'an overlong NUL', hex: '931705 91 a3e08080', fault: 'utf8' },
  { name: 'a surrogate', hex: '931705 91 a3eda080', fault: 'utf8' },
  { name: 'beyond U+10FFFF', hex: '931705 91 a4f4908080', fault: 'utf8' },
  { name: 'a lead byte beyond F4', hex: '931705 91 a4f5808080', fault: 'utf8' },
  { name: 'a sequence cut off by the end of the string', hex: '931705 92 a2e282 ac', fault: 'utf8' },
  { name: 'a number as map key', hex: '930405 91 810102', fault: 'key' },
  { name: 'nil as map key', hex: '930405 91 81c002', fault: 'key' },
  { name: 'an array as map key', hex: '930405 91 819002', fault: 'key' },
  { name: 'the map key __proto__', hex: '930405 91 81 a95f5f70726f746f5f5f 80', fault: 'key' },
  { name: 'eleven levels', hex: `930405${'91'.repeat(10)}00`, fault: 'depth' },
  { name: 'four thousand and ninety-seven values', hex: `930405 dc0ffd${'c0'.repeat(4_093)}`, fault: 'nodes' },
  { name: 'a map instead of an array', hex: '8104a0', fault: 'key' },
  { name: 'an empty map', hex: '80', fault: 'form' },
  { name: 'a string', hex: 'a470696e67', fault: 'form' },
  { name: 'an empty array', hex: '90', fault: 'form' },
  { name: 'an op alone', hex: '9104', fault: 'form' },
  { name: 'request id 0', hex: '93040090', fault: 'id' },
  { name: 'a negative request id', hex: '9304ff90', fault: 'id' },
  { name: 'a broken request id', hex: hex(array(Buffer.of(4), float64(1.5), Buffer.of(0x90))), fault: 'id' },
  { name: 'a request id beyond 2^32−1', hex: hex(array(Buffer.of(4), uint64(4_294_967_296n), Buffer.of(0x90))), fault: 'id' },
  { name: 'a string as request id', hex: '9304a13590', fault: 'id' },
  { name: 'a string as op', hex: '93a470696e67 05 90', fault: 'op', id: 5 },
  { name: 'a negative op', hex: '93ff0590', fault: 'op', id: 5 },
  { name: 'a map as body', hex: '93040580', fault: 'body', id: 5 },
  { name: 'a string as body', hex: '930405a0', fault: 'body', id: 5 },
].map(({ id = 0, ...rest }) => ({ ...rest, hex: rest.hex.replaceAll(/\s/g, ''), id }));

const list = (name: string, items: readonly object[]) =>
  `  "${name}": [\n${items.map((item) => `    ${JSON.stringify(item)}`).join(',\n')}\n  ]`;

writeFileSync(
  new URL('../protocol/vectors.json', import.meta.url),
  `{\n${[list('frames', frames), list('accepted', accepted), list('malformed', malformed)].join(',\n')}\n}\n`,
);
