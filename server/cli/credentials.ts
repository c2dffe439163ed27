// Where the command line gets its token: given, or signed here with the key that the server on this machine uses.

import type { Role } from '../../protocol/index.ts';
import { readSettings, type Settings } from '../config.ts';
import { developmentTenant, findDevelopmentSecret } from '../development.ts';
import { signToken, type TokenRequest } from '../domain/tokens.ts';
import { StartError } from '../errors.ts';
import type { Context } from './command.ts';

/** Names for tokens that nobody asked a user for, one per role, because a role belongs to a user. */
const commandLineUser = (role: Role) => `utalk-cli-${role}`;

const connectTtlS = 12 * 3_600;

export interface WantedIdentity {
  token?: string | undefined;
  user?: string | undefined;
  role: Role;
  tenant?: string | undefined;
}

/**
 * A token, or a function that signs a fresh one at each connect.
 * @throws StartError when there is neither a token nor a key.
 */
export function credentials(context: Context, wanted: WantedIdentity): string | (() => Promise<string>) {
  const given = wanted.token ?? (context.environment.UTALK_TOKEN || undefined);
  if (given !== undefined) return given;
  const sign = tokenSigner(context);
  return () =>
    sign({
      userId: wanted.user ?? commandLineUser(wanted.role),
      tenantId: wanted.tenant ?? developmentTenant,
      role: wanted.role,
      ttlS: connectTtlS,
    });
}

/**
 * Signs as the server on this machine expects it.
 * @throws StartError when the settings are wrong or hold no key that signs.
 */
export function tokenSigner(context: Context): (request: TokenRequest) => Promise<string> {
  const { settings } = readSettings(context.environment);
  const secret = signingSecret(settings);
  return (request) => signToken(secret, request, settings);
}

function signingSecret(settings: Settings): string {
  if (settings.jwtSecret !== undefined) return settings.jwtSecret;
  const give = 'Give a token of your issuer with --token or UTALK_TOKEN';
  if (!settings.development) throw new StartError(`${give}: a public key checks tokens and cannot sign them.`);
  const secret = findDevelopmentSecret(settings.dataDir);
  if (secret !== undefined) return secret;
  throw new StartError(
    `${give}; or, for development mode, start the server once in this directory: it makes the key in ${settings.dataDir} that tokens are signed with.`,
  );
}
