// The types of the protocol's bodies as plain TypeScript, for pages and for the package of the client alone: there the
// schemas they are made of, and TypeBox, are not installed.

import { commandBodies, ErrorBody, pushBodies } from '../../../protocol/bodies/index.ts';
import { Conversation, Entry, JoinResult, Member, Notification, Position, Presence, Watermark } from '../../../protocol/bodies/shapes.ts';

interface Schema {
  type?: string;
  const?: unknown;
  enum?: unknown[];
  anyOf?: Schema[];
  items?: Schema;
  properties?: Record<string, Schema>;
  patternProperties?: Record<string, Schema>;
  required?: string[];
  title?: string;
  description?: string;
}

const shapes = { Conversation, Entry, JoinResult, Member, Notification, Position, Presence, Watermark };
const namedShapes = new Map<string | undefined, Schema>(Object.entries(shapes) as [string, Schema][]);

/**
 * The text of protocol/bodies/index.d.ts.
 * @throws Error for a schema that it has no words for
 */
export function renderProtocolBodies(): string {
  const replies = Object.entries(commandBodies).map(([name, { output }]) => property(name, output as Schema));
  const commands = Object.entries(commandBodies).map(([name, { input }]) => property(name, input as Schema));
  const pushes = Object.entries(pushBodies).map(([name, body]) => property(name, body as Schema));
  return [
    '// Made from the schemas of the protocol.',
    "import type { CommandName, PushName } from '../ops.ts';",
    ...[...namedShapes].map(([name, schema]) => `export type ${name} = ${object(schema)};`),
    `export type ErrorBody = ${object(ErrorBody as Schema)};`,
    `interface CommandInputs ${block(commands)}`,
    `interface CommandOutputs ${block(replies)}`,
    `interface PushBodies ${block(pushes)}`,
    'export type CommandInput<N extends CommandName> = CommandInputs[N];',
    'export type CommandOutput<N extends CommandName> = CommandOutputs[N];',
    'export type PushBody<N extends PushName> = PushBodies[N];',
    '',
  ].join('\n');
}

function property(name: string, schema: Schema, isRequired = true): string {
  const comment = schema.description ? `/** ${schema.description.replaceAll('*/', '* /')} */ ` : '';
  return `${comment}${JSON.stringify(name)}${isRequired ? '' : '?'}: ${typeOf(schema)};`;
}

function object({ properties = {}, required = [] }: Schema): string {
  return block(Object.entries(properties).map(([name, schema]) => property(name, schema, required.includes(name))));
}

/** Indented, as the compiler writes declarations. */
function block(lines: readonly string[]): string {
  return `{\n${lines.join('\n').replaceAll(/^/gm, '    ')}\n}`;
}

function typeOf(schema: Schema): string {
  const { type, anyOf, items, properties, patternProperties, title } = schema;
  if (properties && namedShapes.has(title)) return title as string;
  if (schema.enum) return schema.enum.map((word) => JSON.stringify(word)).join(' | ');
  if ('const' in schema) return JSON.stringify(schema.const);
  if (anyOf) return `(${anyOf.map(typeOf).join(' | ')})`;
  if (type === 'array') return `(${typeOf(items ?? {})})[]`;
  if (patternProperties) return `Record<string, ${typeOf(Object.values(patternProperties)[0] ?? {})}>`;
  if (type === 'object') return object(schema);
  if (type === 'integer' || type === 'number') return 'number';
  if (type === 'string' || type === 'boolean' || type === 'null') return type;
  if (Object.keys(schema).every((key) => key === 'description')) return 'unknown';
  throw new Error(`no TypeScript for the schema ${JSON.stringify(schema)}`);
}
