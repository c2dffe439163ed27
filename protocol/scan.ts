// A linear look at a frame before it is decoded, without allocation. What passes is one complete MessagePack value of the
// kinds the protocol has, so that no decoder can be made to recurse, allocate or instantiate by a stranger's bytes.

import { limits } from './limits.ts';

const remaining = new Uint32Array(limits.maxFrameDepth + 1);
/** 1 where the container at that depth is a map whose next value is a key. */
const atKey = new Uint8Array(limits.maxFrameDepth + 1);

/**
 * Says what is wrong with a frame, or undefined when it is well formed: exactly one value, depth at most `maxFrameDepth`,
 * at most `maxFrameNodes` values, declared lengths within the frame, no extension, no binary, no reserved byte, map keys
 * are strings, strings are valid UTF-8.
 */
export function scanFrame(bytes: Uint8Array): string | undefined {
  const end = bytes.length;
  if (end === 0) return 'empty frame';
  let at = 0;
  let depth = 0;
  let nodes = 0;
  remaining[0] = 1;
  atKey[0] = 0;
  while (true) {
    while (remaining[depth] === 0) {
      if (depth === 0) return at === end ? undefined : 'bytes after the frame';
      depth--;
    }
    if (at >= end) return 'truncated frame';
    if (++nodes > limits.maxFrameNodes) return `more than ${limits.maxFrameNodes} values`;
    (remaining[depth] as number)--;
    const isKey = atKey[depth] === 1 && ((remaining[depth] as number) & 1) === 1;
    const head = bytes[at++] as number;
    let length = -1;
    let count = -1;
    let map = false;
    if (head < 0x80 || head >= 0xe0) {
      if (isKey) return 'a map key is no string';
      continue;
    }
    if (head < 0x90) {
      count = head & 0x0f;
      map = true;
    } else if (head < 0xa0) count = head & 0x0f;
    else if (head < 0xc0) length = head & 0x1f;
    else {
      switch (head) {
        case 0xc0:
        case 0xc2:
        case 0xc3:
          break;
        case 0xca:
          at += 4;
          break;
        case 0xcb:
          at += 8;
          break;
        case 0xcc:
        case 0xd0:
          at += 1;
          break;
        case 0xcd:
        case 0xd1:
          at += 2;
          break;
        case 0xce:
        case 0xd2:
          at += 4;
          break;
        case 0xcf:
        case 0xd3:
          at += 8;
          break;
        case 0xd9:
          if (at + 1 > end) return 'truncated frame';
          length = bytes[at] as number;
          at += 1;
          break;
        case 0xda:
          if (at + 2 > end) return 'truncated frame';
          length = uint16(bytes, at);
          at += 2;
          break;
        case 0xdb:
          if (at + 4 > end) return 'truncated frame';
          length = uint32(bytes, at);
          at += 4;
          break;
        case 0xdc:
        case 0xde:
          if (at + 2 > end) return 'truncated frame';
          count = uint16(bytes, at);
          map = head === 0xde;
          at += 2;
          break;
        case 0xdd:
        case 0xdf:
          if (at + 4 > end) return 'truncated frame';
          count = uint32(bytes, at);
          map = head === 0xdf;
          at += 4;
          break;
        case 0xc1:
          return 'reserved byte';
        case 0xc4:
        case 0xc5:
        case 0xc6:
          return 'binary value';
        default:
          return 'extension type';
      }
    }
    if (length >= 0) {
      if (length > end - at) return 'a declared length exceeds the frame';
      if (!validUtf8(bytes, at, at + length)) return 'a string is not UTF-8';
      if (isKey && length === 9 && isProto(bytes, at)) return 'a map key is __proto__';
      at += length;
      continue;
    }
    if (isKey) return 'a map key is no string';
    if (count < 0) {
      if (at > end) return 'truncated frame';
      continue;
    }
    // Each element takes at least one byte, so a larger count cannot be true.
    if ((map ? count * 2 : count) > end - at) return 'a declared length exceeds the frame';
    if (count === 0) continue;
    if (++depth > limits.maxFrameDepth) return `deeper than ${limits.maxFrameDepth}`;
    remaining[depth] = map ? count * 2 : count;
    atKey[depth] = map ? 1 : 0;
  }
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

function uint32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] as number) << 24) | ((bytes[at + 1] as number) << 16) | ((bytes[at + 2] as number) << 8) | (bytes[at + 3] as number)) >>> 0
  );
}

/** RFC 3629: no overlong form, no surrogate, nothing beyond U+10FFFF. */
function validUtf8(bytes: Uint8Array, from: number, to: number): boolean {
  let at = from;
  while (at < to) {
    const lead = bytes[at++] as number;
    if (lead < 0x80) continue;
    let following: number;
    let low = 0x80;
    let high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) following = 1;
    else if (lead >= 0xe0 && lead <= 0xef) {
      following = 2;
      if (lead === 0xe0) low = 0xa0;
      else if (lead === 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      following = 3;
      if (lead === 0xf0) low = 0x90;
      else if (lead === 0xf4) high = 0x8f;
    } else return false;
    if (at + following > to) return false;
    const second = bytes[at++] as number;
    if (second < low || second > high) return false;
    for (let i = 1; i < following; i++) if (((bytes[at++] as number) & 0xc0) !== 0x80) return false;
  }
  return true;
}

const protoKey = new Uint8Array([0x5f, 0x5f, 0x70, 0x72, 0x6f, 0x74, 0x6f, 0x5f, 0x5f]);

function isProto(bytes: Uint8Array, at: number): boolean {
  for (let i = 0; i < protoKey.length; i++) if (bytes[at + i] !== protoKey[i]) return false;
  return true;
}
