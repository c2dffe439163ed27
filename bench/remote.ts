// Measures a server that runs somewhere else: one session per token, each sending to a conversation of its own, and the same
// checks afterwards. The limits of that server are its own: a refused send is reported as a fault.

import { setTimeout as sleep } from 'node:timers/promises';
import { present, row } from './report.ts';
import { latencyRows } from './scenarios/round.ts';
import { type Findings, text } from './scenarios/scenario.ts';
import { Generator } from './systems/generator.ts';

export interface RemotePlan {
  url: string;
  tokens: readonly string[];
  inFlight: number;
  seconds: number;
}

const fleet = 'remote';

export async function measureRemote(plan: RemotePlan): Promise<Findings> {
  const generator = new Generator();
  try {
    return await measure(generator, plan);
  } finally {
    await generator.stop();
  }
}

async function measure(generator: Generator, { url, tokens, inFlight, seconds }: RemotePlan): Promise<Findings> {
  const { protocol, hostname, port, pathname } = new URL(url);
  const secure = protocol === 'wss:';
  const target = { host: hostname, port: Number(port) || (secure ? 443 : 80), path: pathname, secure };
  const connected = await generator.ask('open', { fleet, targets: [target], tokens: [...tokens], parallel: 10 });
  const conversationIds = tokens.map((_, i) => `bench-${Date.now()}-${process.pid}-${i}`);
  await generator.ask('create', { fleet, conversations: conversationIds.map((id, creator) => ({ id, creator, members: [] })) });
  await generator.ask('join', { fleet, conversationIds, from: 0 });
  await generator.ask('sustain', { fleet, senders: tokens.length, inFlight, text });
  await sleep(seconds * 1_000);
  const lap = await generator.ask('lap');
  await generator.ask('stop', { timeoutMs: 15_000 });
  const verdict = await generator.ask('verify', { fleet, withLog: true });
  await generator.ask('close', { fleet });
  const params = { connections: tokens.length, in_flight: inFlight, subscribers: 1, burst: 0, bytes: text.length, profile: 'unknown' };
  return {
    rows: [
      ...present([row(fleet, 'utalk', params, 'acked_per_s', [lap ? lap.acked / lap.seconds : Number.NaN])]),
      ...latencyRows(fleet, 'utalk', params, lap ? [lap] : []),
      ...latencyRows(fleet, 'utalk', { ...params, in_flight: 10, variant: 'connect' }, [connected]),
    ],
    verdicts: [{ system: 'utalk', verdict }],
  };
}
