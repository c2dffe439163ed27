// Reads metrics as Prometheus would, strictly: a line that is none, or a metric that is announced twice, throws.

export interface Sample {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

const heading = /^# (HELP|TYPE) ([a-zA-Z_:][\w:]*) (.+)$/;
const sample = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)$/;
const label = /([a-zA-Z_]\w*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/g;
const types = new Set(['counter', 'gauge', 'histogram', 'summary', 'untyped']);

/** @throws Error that quotes the first wrong line */
export function parseExposition(text: string): Sample[] {
  const announced = new Set<string>();
  const finished = new Set<string>();
  const samples: Sample[] = [];
  let metric = '';
  for (const line of text.split('\n')) {
    const [, keyword, name, rest] = heading.exec(line) ?? [];
    if (keyword !== undefined) {
      if (announced.has(`${keyword} ${name}`) || (keyword === 'TYPE' && !types.has(rest!))) throw new Error(`announced twice: ${line}`);
      announced.add(`${keyword} ${name}`);
      if (metric !== name) finished.add(metric);
      if (finished.has(name!)) throw new Error(`its samples stand apart: ${line}`);
      metric = name!;
    } else if (line !== '') samples.push(sampleOf(line, metric));
  }
  const keys = samples.map(({ name, labels }) => `${name} ${JSON.stringify(Object.entries(labels).sort())}`);
  const doubled = keys.find((key, i) => keys.indexOf(key) !== i);
  if (doubled !== undefined) throw new Error(`twice: ${doubled}`);
  return samples;
}

function sampleOf(line: string, metric: string): Sample {
  const [, name, inside = '', number] = sample.exec(line) ?? [];
  if (name === undefined || !name.startsWith(metric) || metric === '') throw new Error(`no sample of ${metric}: ${line}`);
  const value = number === '+Inf' ? Infinity : Number(number);
  const labels = [...inside.matchAll(label)];
  if (labels.map(([text]) => text).join('') !== inside || (Number.isNaN(value) && !/^nan$/i.test(number!)))
    throw new Error(`malformed: ${line}`);
  return { name, labels: Object.fromEntries(labels.map(([, key, text]) => [key!, text!])), value };
}

/** Values of one metric by one of its labels, summed. */
export function byLabel(samples: readonly Sample[], metric: string, by: string): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { name, labels, value } of samples) {
    const key = labels[by];
    if (name === metric && key !== undefined) sums.set(key, (sums.get(key) ?? 0) + value);
  }
  return sums;
}
