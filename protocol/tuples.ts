// Bodies are objects in code and positional arrays on the wire. This maps one to the other by the slot tables.

/** A slot: a name for a plain value, or a name with the shape of a nested body or of a list of them. */
export type Slot = string | readonly [name: string, shape: Shape] | readonly [name: string, shape: Shape, list: 'list'];
export type Shape = readonly Slot[];

type Body = Record<string, unknown>;

/** The positional form of a body. Absent properties become nil; absent ones at the end are left out. */
export function toTuple(shape: Shape, body: object): unknown[] {
  const tuple = shape.map((slot) => {
    if (typeof slot === 'string') return (body as Body)[slot];
    const [name, inner, list] = slot;
    const value = (body as Body)[name];
    if (value === undefined) return value;
    return list ? (value as object[]).map((item) => toTuple(inner, item)) : toTuple(inner, value as object);
  });
  while (tuple.length > 0 && tuple[tuple.length - 1] === undefined) tuple.pop();
  return tuple;
}

/**
 * The body of a tuple: nil and missing slots are absent, additional slots are ignored. Nested values of another shape than
 * the slot expects stay as they are.
 */
export function fromTuple(shape: Shape, tuple: readonly unknown[]): Body {
  const body: Body = {};
  for (let i = 0; i < shape.length; i++) {
    const value = tuple[i];
    if (value === undefined || value === null) continue;
    const slot = shape[i] as Slot;
    if (typeof slot === 'string') {
      body[slot] = value;
      continue;
    }
    const [name, inner, list] = slot;
    body[name] = list && Array.isArray(value) ? value.map((item) => nested(inner, item)) : nested(inner, value);
  }
  return body;
}

function nested(shape: Shape, value: unknown): unknown {
  return Array.isArray(value) ? fromTuple(shape, value) : value;
}
