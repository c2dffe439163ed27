import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { defineSettings, readSettings, settingRows, settingsExample } from '../../server/config.ts';
import { StartError } from '../../server/errors.ts';

const secret = 'k'.repeat(32);
const folder = mkdtempSync(path.join(tmpdir(), 'utalk-config-'));
afterAll(() => rmSync(folder, { recursive: true }));

function faults(environment: Record<string, string>): string {
  try {
    readSettings(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(StartError);
    return (error as Error).message;
  }
  return '';
}

function file(name: string, content: string): string {
  const target = path.join(folder, name);
  writeFileSync(target, content);
  return target;
}

describe('values', () => {
  test('an empty environment gives development mode on loopback with the documented defaults', () => {
    const { settings, warnings } = readSettings({});
    expect(settings).toMatchObject({
      development: true,
      host: '127.0.0.1',
      port: 3001,
      httpPort: 3002,
      dataDir: '.utalk',
      databasePool: 4,
    });
    expect(settings.allowedOrigins).toEqual(['http://localhost:3002', 'http://127.0.0.1:3002']);
    expect(warnings).toEqual([]);
  });

  test('with a key the server listens everywhere and allows no browser origin', () => {
    const { settings } = readSettings({ JWT_SECRET: secret });
    expect(settings).toMatchObject({ development: false, host: '0.0.0.0', allowedOrigins: [], jwtSecret: secret });
  });

  test('every kind of value is read', () => {
    const { settings } = readSettings({
      JWT_SECRET: secret,
      PORT: '0',
      HTTP_PORT: ' 8080 ',
      DATABASE_PREPARE: '0',
      ALLOW_QUERY_TOKEN: 'true',
      UTALK_SESSION_POLICY: 'single',
      TRUSTED_PROXIES: '10.0.0.0/8, ::1,',
      ALLOWED_ORIGINS: 'https://a.example,capacitor://localhost',
      PUBLIC_URL: 'wss://chat.example.com/app',
    });
    expect(settings).toMatchObject({ port: 0, httpPort: 8080, databasePrepare: false, allowQueryToken: true, sessionPolicy: 'single' });
    expect(settings.trustedProxies).toEqual(['10.0.0.0/8', '::1']);
    expect(settings.allowedOrigins).toEqual(['https://a.example', 'capacitor://localhost', 'https://chat.example.com']);
  });

  test('an empty variable counts as absent', () => {
    expect(readSettings({ PORT: '', DATABASE_URL: '', UTALK_TYPO: '' }).settings).toEqual(readSettings({}).settings);
  });

  test('the result and its lists are frozen', () => {
    const { settings } = readSettings({});
    expect(() => Object.assign(settings, { port: 1 })).toThrow(TypeError);
    expect(() => settings.allowedOrigins.push('https://a.example')).toThrow(TypeError);
  });

  test('a PEM is taken with real line ends and with written ones', () => {
    const pem = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ type: 'spki', format: 'pem' }).toString();
    for (const text of [pem, pem.replaceAll('\n', '\\n')]) {
      expect(readSettings({ JWT_PUBLIC_KEY: text }).settings.jwtPublicKey?.trim()).toBe(pem.trim());
    }
  });
});

describe('faults', () => {
  test('all of them are reported at once', () => {
    const message = faults({ PORT: 'abc', UTALK_DRAIN_WINDOW_MS: '-1', UTALK_RATE_PROFILE: 'fast', DATABASE_PREPARE: 'maybe' });
    expect(message).toContain('PORT: expected a whole number from 0 to 65535, got "abc"');
    expect(message).toContain('UTALK_DRAIN_WINDOW_MS: expected a whole number from 0 to 600000, got "-1"');
    expect(message).toContain('UTALK_RATE_PROFILE: expected one of chat, marketplace, bench, got "fast"');
    expect(message).toContain('DATABASE_PREPARE: expected 0 or 1, got "maybe"');
    expect(message).toContain('4 settings are wrong');
  });

  test('a secret never stands in a message', () => {
    const message = faults({ JWT_SECRET: 'hunter2', DATABASE_URL: 'mysql://root:hunter2@db/x', METRICS_TOKEN_FILE: '/nonexistent' });
    expect(message).toContain('JWT_SECRET: must have at least 32 bytes');
    expect(message).toContain('DATABASE_URL: expected a URL, as postgres://');
    expect(message).not.toContain('hunter2');
  });

  test.each([
    ['PORT', '3.5'],
    ['PORT', '0x10'],
    ['PORT', '70000'],
    ['JWT_JWKS_URL', 'file:///etc/keys'],
    ['JWT_PUBLIC_KEY', '-----BEGIN PUBLIC KEY-----\nnonsense\n-----END PUBLIC KEY-----'],
    ['ALLOWED_ORIGINS', '*'],
    ['ALLOWED_ORIGINS', 'https://a.example/path'],
    ['ALLOWED_ORIGINS', 'https://a.example/'],
    ['ALLOWED_ORIGINS', 'null'],
    ['TRUSTED_PROXIES', '10.0.0.0/33'],
    ['TRUSTED_PROXIES', 'proxy.local'],
    ['PUBLIC_URL', 'chat.example.com'],
    ['REDIS_URL', 'localhost:6379'],
    ['REDIS_URL', 'https://cache.example.com'],
    ['HTTP_PORT', '3001'],
  ])('%s=%s is refused by name', (name, value) => {
    expect(faults({ [name]: value })).toContain(`\n  ${name}: `);
  });

  test.each(['redis://localhost', 'redis://user:password@10.0.0.7:6379/2', 'rediss://cache.example.com'])('takes REDIS_URL=%s', (url) => {
    expect(readSettings({ REDIS_URL: url }).settings.redisUrl).toBe(url);
  });

  test('a private key is refused as a public one', () => {
    const { privateKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    expect(faults({ JWT_PUBLIC_KEY: pem })).toContain('JWT_PUBLIC_KEY: expected a public key');
  });

  test('more than one JWT key is refused', () => {
    expect(faults({ JWT_SECRET: secret, JWT_JWKS_URL: 'https://id.example/keys' })).toContain('JWT_SECRET and JWT_JWKS_URL are both set');
  });
});

describe('development mode', () => {
  test.each(['0.0.0.0', '::', '192.168.1.10', 'chat.example.com'])('refuses HOST=%s', (host) => {
    expect(faults({ HOST: host })).toContain(`HOST: ${host} is refused in development mode`);
  });

  test.each(['127.0.0.1', '127.8.8.8', '::1', 'localhost'])('takes HOST=%s', (host) => {
    expect(readSettings({ HOST: host }).settings.host).toBe(host);
  });

  test('UTALK_DEMO=1 lets it listen elsewhere, with a warning', () => {
    const { settings, warnings } = readSettings({ HOST: '0.0.0.0', UTALK_DEMO: '1' });
    expect(settings).toMatchObject({ development: true, demo: true, host: '0.0.0.0' });
    expect(warnings).toEqual([expect.stringContaining('anybody who reaches it gets a token')]);
  });
});

describe('secrets from files', () => {
  test('the file is read without the line end', () => {
    expect(readSettings({ JWT_SECRET_FILE: file('secret', `${secret}\n`) }).settings.jwtSecret).toBe(secret);
  });

  test('a variable and its file together are refused, and so are missing and empty files', () => {
    expect(faults({ JWT_SECRET: secret, JWT_SECRET_FILE: file('other', secret) })).toContain('JWT_SECRET and JWT_SECRET_FILE are both set');
    expect(faults({ DATABASE_URL_FILE: path.join(folder, 'missing') })).toContain('DATABASE_URL_FILE: cannot read');
    expect(faults({ METRICS_TOKEN_FILE: file('empty', '\n') })).toContain('METRICS_TOKEN_FILE: the file');
  });

  test('only secrets have a file', () => {
    expect(faults({ UTALK_DATA_DIR_FILE: 'x' })).toContain('UTALK_DATA_DIR_FILE: no such setting');
  });
});

describe('names that are not ours', () => {
  test.each([
    ['REDIS_HOST', 'REDIS_URL'],
    ['REDIS_PORT', 'REDIS_URL'],
    ['REDIS_PASSWORD', 'REDIS_URL'],
    ['CORS_ORIGIN', 'ALLOWED_ORIGINS'],
    ['FRONTEND_URL', 'ALLOWED_ORIGINS'],
    ['WS_CORS_ORIGINS', 'ALLOWED_ORIGINS'],
    ['SOCKET_CORS_ORIGINS', 'ALLOWED_ORIGINS'],
    ['SOCKET_MAX_CONNECTIONS', 'UTALK_MAX_CONNECTIONS'],
    ['DATABASE_POOL_MAX', 'DATABASE_POOL'],
    ['ENABLE_SOCKET_MONITORING', '/metrics'],
    ['WS_PING_INTERVAL', 'remove it'],
    ['SOCKET_TTL_USERS', '.env.example'],
    ['UTALK_RATE_PROFIL', 'did you mean UTALK_RATE_PROFILE?'],
    ['UTALK_NOTHING_LIKE_IT_AT_ALL', 'no such setting'],
  ])('%s stops the start and names %s', (name, advice) => {
    const message = faults({ [name]: 'value' });
    expect(message).toContain(`${name}: `);
    expect(message).toContain(advice);
  });

  test('what Kubernetes says of services is not taken for a setting', () => {
    const links = {
      REDIS_PORT: 'tcp://10.0.0.7:6379',
      UTALK_PORT: 'tcp://10.0.0.8:3001',
      UTALK_SERVICE_HOST: '10.0.0.8',
      UTALK_SERVICE_PORT_WS: '3001',
      UTALK_PORT_3001_TCP_ADDR: '10.0.0.8',
    };
    expect(readSettings(links).settings.development).toBe(true);
  });

  test('a slip of the pen in a name without our prefix is a warning', () => {
    expect(readSettings({ ALLOWED_ORIGIN: 'https://a.example' }).warnings).toEqual([
      'ALLOWED_ORIGIN is not a setting; did you mean ALLOWED_ORIGINS?',
    ]);
  });

  test('what the command line reads is no fault', () => {
    expect(readSettings({ UTALK_TOKEN: 'x', UTALK_URL: 'ws://localhost' }).settings.port).toBe(3001);
  });
});

describe('defineSettings', () => {
  test('gives defaults and checks like the environment', () => {
    expect(defineSettings({ port: 0, httpPort: 0 })).toMatchObject({ development: true, allowedOrigins: [], rateProfile: 'chat' });
    expect(() => defineSettings({ port: -1, userCacheMs: 0.5 })).toThrow(/PORT: expected[\s\S]*UTALK_USER_CACHE_MS: expected/);
    expect(() => defineSettings({ prot: 1 } as never)).toThrow('prot: no such setting');
  });

  test('development follows from the keys, whatever the caller says', () => {
    expect(defineSettings({ development: true, jwtSecret: secret }).development).toBe(false);
  });
});

describe('.env.example', () => {
  const example = readFileSync(new URL('../../.env.example', import.meta.url), 'utf8');

  test('is what the schema says: utalk check-config --example prints it', () => {
    expect(example).toBe(settingsExample());
  });

  test('names every setting, and nothing else', () => {
    const named = [...example.matchAll(/^#([A-Z_]+)=/gm)].map(([, name]) => name);
    expect(named).toEqual(settingRows.map((row) => row.variable));
  });

  test('with every line taken up as it stands, it changes nothing', () => {
    const lines = [...example.matchAll(/^#([A-Z_]+)=(.*)$/gm)];
    const environment = Object.fromEntries(lines.map(([, name, value]) => [name, value]));
    expect(readSettings(environment).settings).toEqual(readSettings({}).settings);
  });
});
