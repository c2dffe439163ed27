// Whether a request was made on this machine.

import { BlockList } from 'node:net';
import type { FastifyRequest } from 'fastify';

const localHost = /^(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?$/i;
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/**
 * Whether a Host header names this machine. A page of a stranger can point its own name at 127.0.0.1 (DNS rebinding), but then
 * the browser still sends that name. Programs write what they like.
 */
export function isLocalHost(host: string | undefined): boolean {
  return host !== undefined && localHost.test(host);
}

/** Whether somebody on this machine asks: from its loopback address, under its name, and not on behalf of somebody elsewhere. */
export function isLocalRequest({ socket, headers }: FastifyRequest): boolean {
  const address = socket.remoteAddress ?? '';
  const forwarded = headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined || headers['x-real-ip'] !== undefined;
  return !forwarded && isLocalHost(headers.host) && loopback.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
}
