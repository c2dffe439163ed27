// The bench: starts everything it needs, measures, prints, and leaves nothing behind. Exit code 1 when a checker found
// anything lost, doubled or reordered, 2 when it could not measure.

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { isClean } from './load/checks.ts';
import { describeMachine } from './machine.ts';
import { type Options, readOptions, usage } from './options.ts';
import { printProfiles } from './profile.ts';
import { measureRemote, type RemotePlan } from './remote.ts';
import { present, printMachine, printRows, type Row, row } from './report.ts';
import { scenarios } from './scenarios/index.ts';
import { type Findings, type Scenario, unmeasured } from './scenarios/scenario.ts';
import { TestBed } from './test-bed.ts';

async function runScenario(bed: TestBed, name: string, { quick, profile }: Options): Promise<Findings> {
  const profileDir = profile && path.resolve(profile, name);
  if (profileDir) await mkdir(profileDir, { recursive: true });
  const scenario = scenarios.get(name) as Scenario;
  try {
    return await scenario.run(await bed.equip(name, quick, profileDir));
  } finally {
    await bed.clear();
    if (profileDir) await printProfiles(profileDir);
  }
}

function report(name: string, { rows, verdicts }: Findings): void {
  console.log(`\n${name}`);
  printRows(rows);
  for (const { system, verdict } of verdicts) {
    const { acks, deliveries, entries, lost, doubled, reordered, other, examples } = verdict;
    const log = entries > 0 ? `, ${entries} entries of the log` : '';
    console.log(`  ${system}: ${acks} acks, ${deliveries} deliveries${log} checked`);
    console.log(`  ${' '.repeat(system.length)}  ${lost} lost, ${doubled} doubled, ${reordered} reordered, ${other} other faults`);
    for (const example of examples) console.log(`    ${example}`);
  }
}

/** The rows of the JSON: the figures, and each verdict as one more. */
function rowsOf(name: string, { rows, verdicts }: Findings): Row[] {
  const judged = verdicts.map(({ system, verdict: { lost, doubled, reordered, other } }) =>
    row(name, system, unmeasured, 'violations', [lost + doubled + reordered + other]),
  );
  return [...rows, ...present(judged)];
}

async function measureHere(options: Options, bed: TestBed): Promise<Map<string, Findings>> {
  printMachine(describeMachine(bed.database.version, bed.database.directory));
  const all = new Map<string, Findings>();
  for (const name of options.scenarios) {
    const findings = await runScenario(bed, name, options);
    all.set(name, findings);
    report(name, findings);
  }
  return all;
}

/** Opens the test bed, and closes it again also when a signal comes. */
async function inTestBed<T>(work: (bed: TestBed) => Promise<T>): Promise<T> {
  const opening = TestBed.open();
  let closing: Promise<void> | undefined;
  const close = () => (closing ??= opening.then((bed) => bed.close()));
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    process.once(signal, () => void close().finally(() => process.exit(code)));
  }
  try {
    return await work(await opening);
  } finally {
    await close();
  }
}

async function measureThere(remote: RemotePlan): Promise<Map<string, Findings>> {
  const findings = await measureRemote(remote);
  report('remote', findings);
  return new Map([['remote', findings]]);
}

async function main(args: readonly string[]): Promise<number> {
  const options = readOptions(args);
  if (options.help) {
    console.log(usage);
    return 0;
  }
  const { remote, json } = options;
  const all = remote ? await measureThere(remote) : await inTestBed((bed) => measureHere(options, bed));
  const rows = [...all].flatMap(([name, findings]) => rowsOf(name, findings));
  if (json) await writeFile(json, `${JSON.stringify(rows, undefined, 1)}\n`);
  const clean = [...all.values()].every(({ verdicts }) => verdicts.every(({ verdict }) => isClean(verdict)));
  if (!clean) console.error('\nFAILED: messages were lost, doubled or reordered');
  return clean ? 0 : 1;
}

process.exitCode = await main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  return 2;
});
