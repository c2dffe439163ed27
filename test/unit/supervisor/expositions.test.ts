// Metrics of several processes as one text that Prometheus takes.

import { describe, expect, test } from 'vitest';
import { Metrics } from '../../../server/metrics.ts';
import { mergeExpositions } from '../../../server/supervisor/expositions.ts';
import { byLabel, parseExposition } from '../../support/exposition.ts';

async function exposition(worker: string, connections: number): Promise<string> {
  const metrics = new Metrics({ worker });
  metrics.gauge('connections', 'Open connections', () => connections);
  metrics.labelled('closed', 'Closed, by "code" \\ and so on', 'code', () => [
    ['1000', 1],
    ['44"13\\', connections],
  ]);
  return (await metrics.text()).body;
}

describe('merged metrics', () => {
  test('are one valid text, with every sample of every process', async () => {
    const texts = await Promise.all([exposition('supervisor', 0), exposition('0', 3), exposition('1', 4)]);
    const merged = parseExposition(mergeExpositions(texts));
    expect(merged).toHaveLength(texts.flatMap(parseExposition).length);
    expect(merged.every(({ labels }) => labels.worker !== undefined)).toBe(true);
    expect(byLabel(merged, 'utalk_connections', 'worker')).toEqual(
      new Map([
        ['supervisor', 0],
        ['0', 3],
        ['1', 4],
      ]),
    );
    expect(merged.filter(({ name, labels }) => name === 'utalk_closed' && labels.code !== '1000').map(({ value }) => value)).toEqual([
      0, 3, 4,
    ]);
    expect(merged.some(({ name }) => name.startsWith('process_'))).toBe(true);
  });

  test('of one process are what it said', async () => {
    const text = await exposition('0', 3);
    expect(parseExposition(mergeExpositions([text]))).toEqual(parseExposition(text));
  });

  test('believe the first process where words differ, and take what only one has', () => {
    const merged = mergeExpositions([
      '# HELP a One\n# TYPE a gauge\na 1\n',
      '# HELP a Other\n# TYPE a gauge\na{worker="1"} 2\n# TYPE b gauge\nb 3\n',
    ]);
    expect(merged).toBe('# HELP a One\n# TYPE a gauge\na 1\na{worker="1"} 2\n\n# TYPE b gauge\nb 3\n');
  });
});

describe('the parser of these tests sees', () => {
  test.each([
    ['a metric announced twice', '# TYPE a gauge\na 1\n# TYPE a gauge\na{x="1"} 2\n'],
    ['a type that does not exist', '# TYPE a number\na 1\n'],
    ['samples without a heading', 'a 1\n'],
    ['a sample of another metric', '# TYPE a gauge\nb 1\n'],
    ['no number', '# TYPE a gauge\na one\n'],
    ['a broken label', '# TYPE a gauge\na{x="1} 1\n'],
    ['a doubled sample', '# TYPE a gauge\na{x="1",y="2"} 1\na{y="2",x="1"} 1\n'],
    ['a metric in two places', '# HELP a A\n# TYPE b gauge\nb 1\n# TYPE a gauge\na 1\n'],
  ])('%s', (_name, text) => expect(() => parseExposition(text)).toThrow());
});
