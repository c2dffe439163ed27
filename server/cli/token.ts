// utalk token: signs a token as an application's backend would.

import { decodeJwt } from 'jose';
import { developmentTenant } from '../development.ts';
import type { TokenRequest } from '../domain/tokens.ts';
import { defineCommand } from './command.ts';
import { tokenSigner } from './credentials.ts';
import { roleName, seconds } from './values.ts';

export const token = defineCommand({
  name: 'token',
  summary: 'Sign a token with JWT_SECRET or the key of development mode.',
  options: {
    user: { type: 'string', value: '<id>', description: 'User id, the claim sub', required: true },
    role: { type: 'string', value: '<role>', description: 'customer, agent, admin, bot or service', default: 'customer' },
    tenant: { type: 'string', value: '<id>', description: 'Tenant, the claim tenantId', default: developmentTenant },
    workspace: { type: 'string', value: '<id>', description: 'Workspace, the claim workspaceId' },
    name: { type: 'string', value: '<text>', description: 'Display name' },
    ttl: { type: 'string', value: '<time>', description: 'Life of the token: seconds, or 15m, 12h, 7d', default: '1h' },
  },
  examples: ['utalk token --user ana --ttl 12h', 'UTALK_TOKEN=$(utalk token --user lee --role agent) utalk tail --conversation demo'],
  async run(context, values) {
    const request: TokenRequest = {
      userId: values.user,
      role: roleName(values.role),
      tenantId: values.tenant,
      ttlS: seconds('ttl', values.ttl),
      ...(values.workspace === undefined ? {} : { workspaceId: values.workspace }),
      ...(values.name === undefined ? {} : { name: values.name }),
    };
    const signed = await tokenSigner(context)(request);
    context.output.print(signed, { token: signed, claims: decodeJwt(signed) });
    return 0;
  },
});
