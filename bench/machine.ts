// What the figures were taken on, and what each process used: CPU and memory from /proc, absent where there is none.

import { execFileSync } from 'node:child_process';
import { closeSync, fdatasyncSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';
import path from 'node:path';
import { median } from './report.ts';

export interface Machine {
  cores: number;
  processor: string;
  memoryGb: number;
  node: string;
  postgres: string;
  commit: string;
  /** Median time of a write of 8 KiB with fdatasync where PostgreSQL has its files, in ms: no commit can be faster. */
  flushMs: number;
  /** Load average of the minute before the run: above 0.5 something else was running too. */
  loadBefore: number;
}

/** @param directory where PostgreSQL has its files. */
export function describeMachine(postgres: string, directory: string): Machine {
  return {
    cores: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    node: process.versions.node,
    postgres,
    commit: commit(),
    flushMs: measureFlush(directory),
    loadBefore: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}

function commit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: import.meta.dirname, stdio: ['ignore', 'pipe', 'ignore'], encoding: 'utf8' }).trim();
  try {
    return git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') ? ' and changes' : '');
  } catch {
    return 'unknown';
  }
}

function measureFlush(directory: string): number {
  const file = path.join(directory, 'flush-probe');
  const handle = openSync(file, 'w');
  const block = Buffer.alloc(8_192);
  const times = Array.from({ length: 50 }, () => {
    const startMs = performance.now();
    writeSync(handle, block);
    fdatasyncSync(handle);
    return performance.now() - startMs;
  });
  closeSync(handle);
  rmSync(file);
  return Number(median(times).toPrecision(2));
}

const msPerTick = 10;

/** CPU time of a process so far, in ms; with its children, dead and living, when asked. NaN without /proc. */
export function cpuMs(pid: number, withChildren = false): number {
  const own = readStat(pid);
  if (own === undefined) return Number.NaN;
  if (!withChildren) return (own.user + own.system) * msPerTick;
  const living = readdirSync('/proc').map((name) => (/^\d+$/.test(name) ? readStat(Number(name)) : undefined));
  const children = living.filter((stat) => stat?.parent === pid).reduce((sum, stat) => sum + (stat?.user ?? 0) + (stat?.system ?? 0), 0);
  return (own.user + own.system + own.reapedChildren + children) * msPerTick;
}

/** Resident memory of a process, in bytes. NaN without /proc. */
export function residentBytes(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1_024;
  } catch {
    return Number.NaN;
  }
}

interface Stat {
  parent: number;
  user: number;
  system: number;
  /** Ticks of children that have ended and were waited for. */
  reapedChildren: number;
}

function readStat(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name in parentheses may hold blanks; the fields are counted from behind it.
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [, parent, , , , , , , , , , user, system, childUser, childSystem] = fields;
    return { parent: parent ?? 0, user: user ?? 0, system: system ?? 0, reapedChildren: (childUser ?? 0) + (childSystem ?? 0) };
  } catch {
    return undefined;
  }
}
