// Schemas compiled once for all tests of a file.

import type { TSchema } from 'typebox';
import { Compile } from 'typebox/compile';

const compiled = new Map<TSchema, (value: unknown) => boolean>();

/** Whether a value fits the schema. */
export function compileCheck(schema: TSchema): (value: unknown) => boolean {
  let check = compiled.get(schema);
  if (!check) {
    const validator = Compile(schema);
    check = (value) => validator.Check(value);
    compiled.set(schema, check);
  }
  return check;
}
