// Metrics of several processes as one exposition: every sample stays as its process wrote it, with its label `worker`, and the
// samples of one metric stand together behind one HELP and one TYPE.

const heading = /^# (HELP|TYPE) (\S+) /;

/** @param texts in the text format of Prometheus, each with its samples behind their headings. */
export function mergeExpositions(texts: readonly string[]): string {
  const metrics = new Map<string, { headings: Map<string, string>; samples: string[] }>();
  for (const text of texts) {
    let samples: string[] = [];
    for (const line of text.split('\n')) {
      const [, keyword, name] = heading.exec(line) ?? [];
      if (keyword !== undefined && name !== undefined) {
        const metric = metrics.get(name) ?? { headings: new Map(), samples: [] };
        metrics.set(name, metric);
        // Of two processes that differ in words, as versions may, the first one is believed.
        if (!metric.headings.has(keyword)) metric.headings.set(keyword, line);
        samples = metric.samples;
      } else if (line !== '' && !line.startsWith('#')) samples.push(line);
    }
  }
  const blocks = [...metrics.values()].map(({ headings, samples }) => [...headings.values(), ...samples].join('\n'));
  return `${blocks.join('\n\n')}\n`;
}
