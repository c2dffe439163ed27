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
export function capKey(address: string): string {
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

export function isLoopbackAddress(address: string): boolean {
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
  // The last hop that is none of ours is the one our own proxy saw.
  const hops = forwardedFor.split(',').map((hop) => hop.trim());
  const foreign = hops.reverse().find((hop) => (isIPv4(hop) || isIPv6(hop)) && !trusted(hop));
  return foreign === undefined ? { address: peer, capped: false } : { address: foreign, capped: !isLoopbackAddress(foreign) };
}
