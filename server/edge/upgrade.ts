// Decides about a connection before there is a socket: path, version, origin, caps, token. Everything is read from the
// request at once, because it dies when the handler returns.

import { type Path, paths, subprotocol, tokenSubprotocolPrefix } from '../../protocol/index.ts';
import type { Settings } from '../config.ts';
import { addressText, type ClientAddress, capKey, clientAddress } from './address.ts';
import type { ConnectionCaps } from './connection-caps.ts';
import type { NativeRequest, NativeResponse } from './uws.ts';

export interface UpgradeRules {
  settings: Settings;
  trusted: (address: string) => boolean;
  caps: ConnectionCaps;
  /** Connections open on this node. */
  open(): number;
  /** Whether this node takes connections now. */
  accepting(): boolean;
  /** Origins of our own page, known once its port is. */
  ownOrigins(): readonly string[];
}

export interface Accepted {
  path: Path;
  address: string;
  capKey: string | undefined;
  token: string | undefined;
  key: string;
  extensions: string;
  protocol: string;
}

export interface Refused {
  status: string;
  message: string;
}

/** Judges an upgrade request. An accepted one counts in the caps until it is released. */
export function judgeUpgrade(rules: UpgradeRules, response: NativeResponse, request: NativeRequest): Accepted | Refused {
  const { settings, trusted, caps } = rules;
  const path = pathOf(request.getUrl());
  if (!path) return { status: '404 Not Found', message: `paths are ${Object.keys(paths).join(', ')}` };
  if (!rules.accepting()) return { status: '503 Service Unavailable', message: 'the server is starting or stopping' };
  const origin = request.getHeader('origin');
  if (origin !== '' && !originAllowed(origin, settings) && !rules.ownOrigins().includes(origin))
    return { status: '403 Forbidden', message: 'origin not allowed: add it to ALLOWED_ORIGINS' };
  const offered = offeredProtocols(request.getHeader('sec-websocket-protocol'));
  if (offered.length > 0 && !offered.includes(subprotocol))
    return { status: '400 Bad Request', message: `the subprotocol is ${subprotocol}` };
  const query = request.getQuery('token');
  if (query !== undefined && !settings.allowQueryToken)
    return { status: '400 Bad Request', message: 'a token in the query ends up in logs: send it in the auth command' };
  const client = addressOf(response, request, trusted);
  if (settings.maxConnections > 0 && rules.open() >= settings.maxConnections)
    return { status: '503 Service Unavailable', message: 'the node is full' };
  const key = client.capped ? capKey(client.address) : undefined;
  if (key !== undefined && !caps.admit(key, Date.now()))
    return { status: '429 Too Many Requests', message: 'too many connections from this address' };
  return {
    path,
    address: client.address,
    capKey: key,
    token: tokenOf(request, offered, query),
    key: request.getHeader('sec-websocket-key'),
    extensions: request.getHeader('sec-websocket-extensions'),
    protocol: offered.includes(subprotocol) ? subprotocol : '',
  };
}

/** A URL without a path means /app. */
function pathOf(url: string): Path | undefined {
  const trimmed = url.length > 1 ? url.replace(/\/$/, '') : url;
  if (trimmed === '/' || trimmed === '') return '/app';
  return trimmed in paths ? (trimmed as Path) : undefined;
}

function originAllowed(origin: string, { allowedOrigins, publicUrl }: Settings): boolean {
  return allowedOrigins.includes(origin) || (publicUrl !== undefined && URL.canParse(publicUrl) && new URL(publicUrl).origin === origin);
}

const offeredProtocols = (header: string) =>
  header
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');

function tokenOf(request: NativeRequest, offered: readonly string[], query: string | undefined): string | undefined {
  const authorization = request.getHeader('authorization');
  if (/^bearer /i.test(authorization)) return authorization.slice('bearer '.length).trim();
  const carried = offered.find((name) => name.startsWith(tokenSubprotocolPrefix));
  return carried?.slice(tokenSubprotocolPrefix.length) ?? query;
}

function addressOf(response: NativeResponse, request: NativeRequest, trusted: (address: string) => boolean): ClientAddress {
  const peer = addressText(response.getRemoteAddress());
  return clientAddress(peer, addressText(response.getProxiedRemoteAddress()), forwardedFor(request), trusted);
}

/** All X-Forwarded-For lines in order: a proxy may add one of its own behind the client's. */
function forwardedFor(request: NativeRequest): string {
  const values: string[] = [];
  request.forEach((name, value) => {
    if (name === 'x-forwarded-for') values.push(value);
  });
  return values.join(',');
}
