// Whose address a connection counts under. What a client may claim (PROXY header, X-Forwarded-For) is believed from trusted
// peers only.

import { BlockList, isIPv4, isIPv6 } from 'node:net';
import { StartError } from '../errors.ts';

const mappedPrefix = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** 4 or 16 raw bytes as text, IPv4-mapped IPv6 as IPv4; empty for no address. */
export function addressText(raw: ArrayBuffer): string {
  const bytes = new Uint8Array(raw);
  if (bytes.length === 4) return bytes.join('.');
  if (bytes.length !== 16) return '';
  if (mappedPrefix.every((byte, i) => bytes[i] === byte)) return bytes.slice(12).join('.');
  const groups: string[] = [];
  for (let i = 0; i < 16; i += 2) groups.push((((bytes[i] as number) << 8) | (bytes[i + 1] as number)).toString(16));
  return groups.join(':');
}

/** What connections are counted under: an IPv4 address, or the /64 an IPv6 customer owns. */
export function capKey(given: string): string {
  const address = given.includes(':') ? unmapped(given) : given;
  return address.includes(':') ? `${expanded(address).slice(0, 4).join(':')}::/64` : address;
}

/** The eight groups of an IPv6 address without leading zeros. */
function expanded(address: string): string[] {
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = tail === undefined ? 0 : 8 - left.length - right.length;
  return [...left, ...Array<string>(Math.max(0, zeros)).fill('0'), ...right].map((group) => group.toLowerCase().replace(/^0+(?=.)/, ''));
}

export function isLoopbackAddress(given: string): boolean {
  const address = given.includes(':') ? unmapped(given) : given;
  return address.startsWith('127.') || (address.includes(':') && expanded(address).join(':') === '0:0:0:0:0:0:0:1');
}

/**
 * A test for TRUSTED_PROXIES.
 * @param proxies addresses or CIDR blocks
 * @throws StartError for one that is neither
 */
export function trustedProxies(proxies: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const proxy of proxies) {
    const [address = '', prefix] = proxy.split('/');
    const family = isIPv4(address) ? 'ipv4' : isIPv6(address) ? 'ipv6' : undefined;
    if (!family) throw new StartError(`TRUSTED_PROXIES: ${proxy} is no address and no CIDR block`);
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return (address) => list.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
}

export interface ClientAddress {
  address: string;
  /** False when a trusted proxy told no client address: then the caps would count everybody as one. */
  capped: boolean;
}

/** The client's address as far as it can be believed. */
export function clientAddress(peer: string, proxied: string, forwardedFor: string, trusted: (address: string) => boolean): ClientAddress {
  if (!trusted(peer)) return { address: peer, capped: !isLoopbackAddress(peer) };
  if (proxied !== '') return { address: proxied, capped: !isLoopbackAddress(proxied) };
  // From the right, ours are passed over; the first other one is what our own proxy saw. What stands before it, or cannot be
  // read, is whatever the client wrote.
  for (const hop of forwardedFor.split(',').reverse()) {
    const address = hopAddress(hop);
    if (address === undefined) break;
    if (!trusted(address)) return { address, capped: !isLoopbackAddress(address) };
  }
  return { address: peer, capped: false };
}

/** A hop of X-Forwarded-For without port and brackets; undefined when it is no address. */
function hopAddress(hop: string): string | undefined {
  const text = hop.trim();
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(text)?.[1];
  const withPort = /^([\d.]+):\d+$/.exec(text)?.[1];
  const address = bracketed ?? withPort ?? text;
  if (isIPv4(address)) return address;
  return isIPv6(address) ? unmapped(address) : undefined;
}

/** An IPv4 address in IPv6 form, `::ffff:a.b.c.d` or `::ffff:aabb:ccdd`, as IPv4; others unchanged. */
function unmapped(address: string): string {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(address);
  const hex = (high: string | undefined, low: string | undefined) => ((Number(high) << 8) | Number(low)).toString(16);
  const groups = expanded(dotted ? `${dotted[1]}${hex(dotted[2], dotted[3])}:${hex(dotted[4], dotted[5])}` : address);
  if (groups.slice(0, 6).join(':') !== '0:0:0:0:0:ffff') return address;
  const [high = 0, low = 0] = groups.slice(6).map((group) => Number.parseInt(group, 16));
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.');
}
