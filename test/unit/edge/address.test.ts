// Whose address counts: what a stranger claims is not believed, and one customer is one key.

import { describe, expect, test } from 'vitest';
import { addressText, capKey, clientAddress, isLoopbackAddress, trustedProxies } from '../../../server/edge/address.ts';
import { StartError } from '../../../server/errors.ts';

const raw = (...bytes: number[]) => Uint8Array.from(bytes).buffer;
const v6 = (...groups: number[]) => raw(...groups.flatMap((group) => [group >> 8, group & 0xff]));

describe('addressText', () => {
  test.each<[ArrayBuffer, string]>([
    [raw(), ''],
    [raw(203, 0, 113, 9), '203.0.113.9'],
    [v6(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1), '2001:db8:0:0:0:0:0:1'],
    [v6(0, 0, 0, 0, 0, 0, 0, 1), '0:0:0:0:0:0:0:1'],
    [v6(0, 0, 0, 0, 0, 0xffff, 0xcb00, 0x7109), '203.0.113.9'],
    [raw(1, 2, 3), ''],
  ])('case %#: %s', (bytes, text) => expect(addressText(bytes)).toBe(text));
});

describe('capKey', () => {
  test('is the IPv4 address', () => expect(capKey('203.0.113.9')).toBe('203.0.113.9'));

  test.each(['2001:db8:a:b::1', '2001:db8:a:b:ffff:ffff:ffff:ffff', '2001:0DB8:000A:000b:0:0:0:2', '2001:db8:a:b:0:0:0:0'])(
    'is the /64 of %s, however it is written',
    (address) => expect(capKey(address)).toBe(capKey('2001:db8:a:b::')),
  );

  test('is another one for the next /64', () => {
    expect(capKey('2001:db8:a:c::1')).not.toBe(capKey('2001:db8:a:b::1'));
    expect(capKey('2001:db8::1')).toBe(capKey('2001:db8:0:0:1::'));
    expect(capKey('2001:db8::1')).not.toBe(capKey('2001:db8::1:0:0:0:1'));
  });

  test('of an IPv4 address in IPv6 form is that of the IPv4 address', () => {
    expect(capKey('::ffff:203.0.113.9')).toBe(capKey('203.0.113.9'));
    expect(capKey('::ffff:203.0.113.9')).not.toBe(capKey('::ffff:198.51.100.7'));
    expect(capKey('::ffff:cb00:7109')).toBe(capKey('203.0.113.9'));
  });
});

test.each([
  ['127.0.0.1', true],
  ['127.255.1.2', true],
  ['0:0:0:0:0:0:0:1', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['128.0.0.1', false],
  ['::2', false],
  ['1::1', false],
  ['203.0.113.127', false],
])('isLoopbackAddress %s: %s', (address, loopback) => expect(isLoopbackAddress(address)).toBe(loopback));

describe('trustedProxies', () => {
  const trusted = trustedProxies(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32', '::1']);

  test.each([
    ['10.1.2.3', true],
    ['11.0.0.1', false],
    ['192.0.2.7', true],
    ['192.0.2.8', false],
    ['2001:db8:0:0:0:0:0:9', true],
    ['2001:db9:0:0:0:0:0:9', false],
    ['0:0:0:0:0:0:0:1', true],
    ['::ffff:10.1.2.3', true],
    ['', false],
  ])('%s: %s', (address, expected) => expect(trusted(address)).toBe(expected));

  test('an empty list trusts nobody', () => expect(trustedProxies([])('127.0.0.1')).toBe(false));

  test.each(['proxy.example', '', '10.0.0', '10.0.0.1:80'])('%j stops the start', (proxy) =>
    expect(() => trustedProxies([proxy])).toThrow(StartError),
  );
});

describe('clientAddress', () => {
  const trusted = trustedProxies(['10.0.0.0/8']);
  const stranger = '203.0.113.9';
  const proxy = '10.0.0.1';
  const client = '198.51.100.7';

  test.each<[string, peer: string, proxied: string, forwarded: string, address: string, capped: boolean]>([
    ['a stranger is himself', stranger, '', '', stranger, true],
    ['a stranger with a PROXY header is himself', stranger, client, '', stranger, true],
    ['a stranger with X-Forwarded-For is himself', stranger, '', client, stranger, true],
    ['a PROXY header of ours counts', proxy, client, '', client, true],
    ['and goes before X-Forwarded-For', proxy, client, '192.0.2.1', client, true],
    ['the last hop counts', proxy, '', `192.0.2.1, ${client}`, client, true],
    ['the last one that is none of ours', proxy, '', `192.0.2.1, ${client}, 10.9.9.9,10.0.0.2`, client, true],
    ['an IPv6 hop', proxy, '', '2001:db8::5', '2001:db8::5', true],
    ['a silent proxy of ours is nobody in particular', proxy, '', '', proxy, false],
    ['hops that are all ours tell nothing', proxy, '', '10.1.1.1, 10.2.2.2', proxy, false],
    ['loopback is never capped', '127.0.0.1', '', '', '127.0.0.1', false],
    ['IPv6 loopback neither', '0:0:0:0:0:0:0:1', '', '', '0:0:0:0:0:0:0:1', false],
    ['nor a forwarded loopback', proxy, '', '127.0.0.1', '127.0.0.1', false],
  ])('%s', (_name, peer, proxied, forwarded, address, capped) => {
    expect(clientAddress(peer, proxied, forwarded, trusted)).toEqual({ address, capped });
  });

  // What our proxy appended is the last hop; everything before it the client may have written himself.
  test.each([
    ['with a port', `${client}, ${stranger}:4711`],
    ['with brackets and a port', `${client}, [2001:db8::9]:4711`],
    ['unknown', `${client}, unknown`],
    ['empty', `${client}, `],
  ])('what stands before a last hop that is %s is not believed', (_name, forwarded) => {
    expect(clientAddress(proxy, '', forwarded, trusted).address).not.toBe(client);
  });
});
