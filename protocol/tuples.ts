// Bodies are objects in code and positional arrays on the wire. This maps one to the other by the slot tables.

/** A slot: a name for a plain value, or a name with the shape of a nested body or of a list of them. */
export type Slot = string | readonly [name: string, shape: Shape] | readonly [name: string, shape: Shape, list: 'list'];
export type Shape = readonly Slot[];

type Body = Record<string, unknown>;

/** The positional form of a body. Absent properties become nil; absent ones at the end are left out. */
export function toTuple(shape: Shape, body: object): unknown[] {
  const tuple = shape.map((slot) => {
    const [name, inner, list] = partsOf(slot);
    const value = (body as Body)[name];
    if (!inner || value === undefined) return value;
    return list ? (value as object[]).map((item) => toTuple(inner, item)) : toTuple(inner, value as object);
  });
  while (tuple.length > 0 && tuple[tuple.length - 1] === undefined) tuple.pop();
  return tuple;
}

/**
 * The body of a positional array. Nil and missing slots become absent properties; slots beyond the shape are ignored.
 * A nested slot that is no array is handed on as it is, for the schema to refuse.
 */
export function fromTuple(shape: Shape, tuple: readonly unknown[]): Body {
  const body: Body = {};
  for (const [i, slot] of shape.entries()) {
    const value = tuple[i];
    if (value === undefined || value === null) continue;
    const [name, inner, list] = partsOf(slot);
    const nested = (item: unknown) => (inner && Array.isArray(item) ? fromTuple(inner, item) : item);
    body[name] = list && Array.isArray(value) ? value.map(nested) : nested(value);
  }
  return body;
}

const partsOf = (slot: Slot): readonly [name: string, shape?: Shape, list?: 'list'] => (typeof slot === 'string' ? [slot] : slot);
