// Bodies are objects in code and positional arrays on the wire. This maps one to the other by the slot tables.

/** A slot: a name for a plain value, or a name with the shape of a nested body or of a list of them. */
export type Slot = string | readonly [name: string, shape: Shape] | readonly [name: string, shape: Shape, list: 'list'];
export type Shape = readonly Slot[];

type Body = Record<string, unknown>;

/** The positional form of a body. Absent properties become nil; absent ones at the end are left out. */
export function toTuple(shape: Shape, body: object): unknown[] {
  const source = body as Body;
  const tuple: unknown[] = [];
  let filled = 0;
  for (let i = 0; i < shape.length; i++) {
    const slot = shape[i] as Slot;
    if (typeof slot === 'string') {
      const value = source[slot];
      tuple.push(value);
      if (value !== undefined) filled = i + 1;
      continue;
    }
    const value = source[slot[0]];
    if (value === undefined) {
      tuple.push(undefined);
      continue;
    }
    tuple.push(slot.length === 3 ? (value as object[]).map((item) => toTuple(slot[1], item)) : toTuple(slot[1], value as object));
    filled = i + 1;
  }
  tuple.length = filled;
  return tuple;
}

/**
 * The body of a positional array. Nil and missing slots become absent properties; slots beyond the shape are ignored.
 * A nested slot that is no array is handed on as it is, for the schema to refuse.
 */
export function fromTuple(shape: Shape, tuple: readonly unknown[]): Body {
  const body: Body = {};
  const count = Math.min(shape.length, tuple.length);
  for (let i = 0; i < count; i++) {
    const value = tuple[i];
    if (value === undefined || value === null) continue;
    const slot = shape[i] as Slot;
    if (typeof slot === 'string') body[slot] = value;
    else if (!Array.isArray(value)) body[slot[0]] = value;
    else if (slot.length === 3) body[slot[0]] = value.map((item) => (Array.isArray(item) ? fromTuple(slot[1], item) : item));
    else body[slot[0]] = fromTuple(slot[1], value);
  }
  return body;
}
