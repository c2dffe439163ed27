// React renders again when a snapshot is another object, so one that looks the same stays the same.

/** `next`, or `last` when both hold the same values. */
export function steadyList<T>(last: readonly T[] | undefined, next: readonly T[]): readonly T[] {
  return last?.length === next.length && next.every((value, at) => value === last[at]) ? last : next;
}

/** `next`, or `last` when all their properties are the same. */
export function steadyRecord<T extends object>(last: T | undefined, next: T): T {
  return last && (Object.keys(next) as (keyof T)[]).every((key) => last[key] === next[key]) ? last : next;
}
