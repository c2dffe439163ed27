// What settings mean together: derived values, combinations that are refused, and formats a schema cannot say.

import { createPublicKey } from 'node:crypto';
import { BlockList, isIP } from 'node:net';
import { Value } from 'typebox/value';
import { StartError } from '../errors.ts';
import { expectation } from './parse.ts';
import { type Settings, settingRows, settingsSchema } from './schema.ts';

const minimumSecretBytes = 32;
const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8, 'ipv4');
loopback.addAddress('::1', 'ipv6');

/** Whether only this machine can reach a listener on this host. */
export function isLoopback(host: string): boolean {
  const family = isIP(host);
  return host === 'localhost' || (family !== 0 && loopback.check(host, family === 6 ? 'ipv6' : 'ipv4'));
}

/** Origins of the demo page on this machine. */
export function developmentOrigins(httpPort: number): string[] {
  return [`http://localhost:${httpPort}`, `http://127.0.0.1:${httpPort}`];
}

/**
 * Settings for a server that is embedded or under test: the given values, defaults for the rest, the same checks as for
 * the environment.
 * @param ownTokens the application checks tokens itself: no key is needed, and that is no development mode.
 * @throws StartError that lists every fault.
 */
export function defineSettings(given: Partial<Settings>, ownTokens = false): Settings {
  const settings = completeSettings(given, ownTokens);
  const { faults } = settingsFaults(settings);
  if (faults.length > 0) throw new StartError(faults.join('\n'));
  return settings;
}

/** Adds defaults and derived values and freezes. Checks nothing. */
export function completeSettings(given: Partial<Settings>, ownTokens = false): Settings {
  const values: Record<string, unknown> = { ...defaults(), ...withoutAbsent(given) };
  const development = !ownTokens && !keyNames(given).length;
  const merged = { ...values, development, host: given.host ?? (development ? '127.0.0.1' : '0.0.0.0') } as Settings;
  const allowedOrigins = Object.freeze([...new Set([...merged.allowedOrigins, ...ownOrigins(merged)])]) as string[];
  return Object.freeze({ ...merged, allowedOrigins, trustedProxies: Object.freeze([...merged.trustedProxies]) as string[] });
}

function defaults(): Record<string, unknown> {
  return Object.fromEntries(settingRows.filter((row) => row.default !== undefined).map((row) => [row.key, row.default]));
}

function withoutAbsent(given: Partial<Settings>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** The public URL as an origin, for apps that send the server's own; and the demo page. */
function ownOrigins(settings: Settings): string[] {
  const own = settings.publicUrl && URL.canParse(settings.publicUrl) ? [new URL(settings.publicUrl.replace(/^ws/, 'http')).origin] : [];
  return settings.development && settings.httpPort > 0 ? [...own, ...developmentOrigins(settings.httpPort)] : own;
}

function keyNames(settings: Partial<Settings>): string[] {
  const keys = { JWT_SECRET: settings.jwtSecret, JWT_PUBLIC_KEY: settings.jwtPublicKey, JWT_JWKS_URL: settings.jwtJwksUrl };
  return Object.entries(keys)
    .filter(([, value]) => value !== undefined)
    .map(([name]) => name);
}

/** Faults that stop the start and warnings that do not, in words that name the variables. */
export function settingsFaults(settings: Settings): { faults: string[]; warnings: string[] } {
  const faults = [...schemaFaults(settings), ...keyFaults(settings), ...addressFaults(settings), ...listFaults(settings)];
  return { faults, warnings: warningsOf(settings) };
}

function schemaFaults(settings: Settings): string[] {
  const known = settingRows
    .filter((row) => settings[row.key] !== undefined && !Value.Check(row.schema, settings[row.key]))
    .map((row) => `${row.variable}: expected ${expectation(row.schema)}`);
  const unknown = Object.keys(settings).filter((key) => !(key in settingsSchema.properties));
  return [...known, ...unknown.map((key) => `${key}: no such setting`)];
}

function keyFaults(settings: Settings): string[] {
  const faults: string[] = [];
  const names = keyNames(settings);
  if (names.length > 1) faults.push(`${names.join(' and ')} are both set: tokens are checked with one of them, keep one`);
  if (settings.jwtSecret !== undefined && Buffer.byteLength(settings.jwtSecret) < minimumSecretBytes)
    faults.push(`JWT_SECRET: must have at least ${minimumSecretBytes} bytes (openssl rand -hex 32 makes one)`);
  if (settings.jwtPublicKey !== undefined && !isPublicKey(settings.jwtPublicKey))
    faults.push('JWT_PUBLIC_KEY: expected a public key as PEM (-----BEGIN PUBLIC KEY-----)');
  if (settings.jwtJwksUrl !== undefined && !hasScheme(settings.jwtJwksUrl, ['https:', 'http:']))
    faults.push('JWT_JWKS_URL: expected an https URL');
  return faults;
}

function isPublicKey(pem: string): boolean {
  if (!pem.includes('-----BEGIN PUBLIC KEY-----')) return false;
  try {
    return createPublicKey(pem).type === 'public';
  } catch {
    return false;
  }
}

function hasScheme(url: string, schemes: readonly string[]): boolean {
  return URL.canParse(url) && schemes.includes(new URL(url).protocol);
}

function addressFaults(settings: Settings): string[] {
  const faults: string[] = [];
  if (settings.development && !settings.demo && !isLoopback(settings.host))
    faults.push(
      `HOST: ${settings.host} is refused in development mode, where anybody who reaches the server gets a token. ` +
        'Set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS_URL; or UTALK_DEMO=1 for a demonstration',
    );
  if (settings.port === settings.httpPort && settings.port !== 0)
    faults.push(`HTTP_PORT: ${settings.httpPort} is PORT as well, give it another one`);
  if (settings.publicUrl !== undefined && !hasScheme(settings.publicUrl, ['ws:', 'wss:', 'http:', 'https:']))
    faults.push('PUBLIC_URL: expected a URL, as wss://chat.example.com');
  if (settings.databaseUrl !== undefined && !hasScheme(settings.databaseUrl, ['postgres:', 'postgresql:']))
    faults.push('DATABASE_URL: expected a URL, as postgres://user:password@host:5432/database');
  if (settings.redisUrl !== undefined && !hasScheme(settings.redisUrl, ['redis:', 'rediss:']))
    faults.push('REDIS_URL: expected a URL, as redis://user:password@host:6379, or rediss:// for TLS');
  return faults;
}

function listFaults(settings: Settings): string[] {
  const origins = settings.allowedOrigins
    .filter((origin) => !isOrigin(origin))
    .map((origin) => `ALLOWED_ORIGINS: "${origin}" is not an exact origin, as https://app.example.com (no path, no wildcard)`);
  const proxies = settings.trustedProxies
    .filter((range) => !isAddressOrRange(range))
    .map((range) => `TRUSTED_PROXIES: "${range}" is not an address or CIDR range, as 10.0.0.0/8`);
  return [...origins, ...proxies];
}

function isOrigin(text: string): boolean {
  // Custom schemes of app shells (capacitor://localhost) have the opaque origin "null" in URL, so they are compared as written.
  if (!URL.canParse(text)) return false;
  const url = new URL(text);
  return url.origin === 'null' ? /^[a-z][a-z0-9+.-]*:\/\/[a-z0-9.-]+(:\d+)?$/.test(text) : url.origin === text;
}

function isAddressOrRange(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/');
  const bits = isIP(address) === 6 ? 128 : 32;
  return isIP(address) !== 0 && rest.length === 0 && (prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= bits));
}

function warningsOf(settings: Settings): string[] {
  const warnings: string[] = [];
  if (settings.development && settings.demo && !isLoopback(settings.host))
    warnings.push(`UTALK_DEMO=1: development mode listens on ${settings.host}; anybody who reaches it gets a token`);
  if (!settings.development && settings.demo)
    warnings.push('UTALK_DEMO=1: the demo page is open; whoever reaches HTTP_PORT can be any of its users');
  if (settings.allowQueryToken) warnings.push('ALLOW_QUERY_TOKEN=1: tokens in URLs end up in the logs of proxies');
  if (settings.jwtJwksUrl?.startsWith('http:')) warnings.push('JWT_JWKS_URL: keys are fetched without TLS');
  return warnings;
}
