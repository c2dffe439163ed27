// What an application command may reply: values of JSON. What is none must fail where it was returned, and not reach clients as
// something else; the type says so while the command is written, the function while it runs.

type Unsendable =
  | bigint
  | symbol
  | ((...args: never[]) => unknown)
  | Date
  | RegExp
  | Error
  | ReadonlyMap<unknown, unknown>
  | ReadonlySet<unknown>
  | ArrayBufferLike
  | ArrayBufferView;

/** T with `never` in the place of everything that cannot be sent. */
export type Sendable<T> = T extends Unsendable ? never : T extends object ? { [K in keyof T]: Sendable<T[K]> } : T;

/** As deep as clients read. */
const maxDepth = 60;

/**
 * The value as clients get it, by the rules of JSON: a property that is undefined is left out, undefined in a list is null.
 * @throws TypeError for what JSON has not: a Date, a Map, a bigint … @throws RangeError for a circle, or what is nested too deep
 */
export function sendable(value: unknown, depth = 0): unknown {
  if (typeof value !== 'object' || value === null) return checked(value);
  if (depth > maxDepth) throw new RangeError('the reply is a circle, or nested too deep');
  if (Array.isArray(value)) return value.map((item) => sendable(item, depth + 1) ?? null);
  // Tagged by the platform: Date and Error, Map, Set, buffers. Instances of classes are sent as their own properties.
  const tag = Object.prototype.toString.call(value).slice(8, -1);
  if (tag !== 'Object') throw new TypeError(`the reply holds a ${tag}, which cannot be sent`);
  const properties = Object.entries(value).filter(([, property]) => property !== undefined);
  return Object.fromEntries(properties.map(([key, property]) => [key, sendable(property, depth + 1)]));
}

function checked(value: unknown): unknown {
  if (['bigint', 'symbol', 'function'].includes(typeof value))
    throw new TypeError(`the reply holds a ${typeof value}, which cannot be sent`);
  return value;
}
