// Reads the CPU profiles that node --cpu-prof wrote and lists where the time went: self time by function, idle left out.

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';

interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string; lineNumber: number } }[];
  samples: number[];
  /** µs before each sample. */
  timeDeltas: number[];
}

interface SelfTime {
  place: string;
  us: number;
}

/** Self times of one profile, the largest first, without idle. */
export function selfTimes({ nodes, samples, timeDeltas }: CpuProfile): SelfTime[] {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const totals = new Map<string, number>();
  samples.forEach((id, i) => {
    const place = places.get(id) ?? '(unknown)';
    totals.set(place, (totals.get(place) ?? 0) + (timeDeltas[i] as number));
  });
  totals.delete('(idle)');
  return [...totals].map(([place, us]) => ({ place, us })).sort((a, b) => b.us - a.us);
}

function placeOf({ functionName, url, lineNumber }: CpuProfile['nodes'][number]['callFrame']): string {
  const name = functionName || '(anonymous)';
  if (!url) return name;
  const file = url.replace(/^file:\/\//, '').replace(/^.*\/(?=(server|protocol|node_modules|bench)\/)/, '');
  return `${name} ${file}:${lineNumber + 1}`;
}

/** Prints the top functions of every profile in the directory. */
export async function printProfiles(directory: string, top = 30): Promise<void> {
  for (const file of (await readdir(directory)).filter((name) => name.endsWith('.cpuprofile'))) {
    const times = selfTimes(JSON.parse(await readFile(path.join(directory, file), 'utf8')));
    const busyUs = times.reduce((sum, { us }) => sum + us, 0);
    console.log(`\nServer CPU ${(busyUs / 1e6).toFixed(1)} s, self time:`);
    for (const { place, us } of times.slice(0, top)) console.log(`  ${((us / busyUs) * 100).toFixed(1).padStart(5)} %  ${place}`);
  }
}
