// Writes protocol/slots.ts from the bodies, so that code without TypeBox (the SDK) knows every slot. `npm run slots`.

import { writeFileSync } from 'node:fs';
import type { TSchema } from 'typebox';
import { commandBodies } from '../protocol/bodies/commands.ts';
import { ErrorBody, pushBodies } from '../protocol/bodies/pushes.ts';

type ObjectSchema = TSchema & { title: string; properties: Record<string, TSchema> };
type AnySchema = TSchema & { type?: string; title?: string; properties?: Record<string, TSchema>; items?: TSchema };

const written = new Map<string, { signature: string; text: string }>();

const isObject = (schema: AnySchema | undefined): schema is ObjectSchema => schema?.type === 'object' && schema.properties !== undefined;

function constantName(title: string): string {
  return `${title.replace(/[^A-Za-z]+(.)?/g, (_, letter: string | undefined) => (letter ?? '').toUpperCase()).replace(/^./, (l) => l.toLowerCase())}Slots`;
}

function slotOf(name: string, schema: AnySchema): string {
  if (isObject(schema)) return `['${name}', ${define(schema)}]`;
  if (schema.type === 'array' && isObject(schema.items)) return `['${name}', ${define(schema.items)}, 'list']`;
  return `'${name}'`;
}

function define(schema: ObjectSchema): string {
  const name = constantName(schema.title);
  const slots = Object.entries(schema.properties).map(([property, value]) => slotOf(property, value));
  const signature = slots.join();
  const known = written.get(name);
  if (known && known.signature !== signature) throw new Error(`two shapes are called ${schema.title}`);
  if (!known) written.set(name, { signature, text: `const ${name}: Shape = [${slots.join(', ')}];` });
  return name;
}

const inputs = Object.entries(commandBodies).map(([name, body]) => `  '${name}': ${define(body.input as unknown as ObjectSchema)},`);
const outputs = Object.entries(commandBodies).map(([name, body]) => `  '${name}': ${define(body.output as unknown as ObjectSchema)},`);
const pushes = Object.entries(pushBodies).map(([name, body]) => `  '${name}': ${define(body as unknown as ObjectSchema)},`);
const error = define({ ...(ErrorBody as unknown as ObjectSchema), title: 'ErrorBody' });

const slotsText = `// Generated from the bodies by \`npm run slots\`; do not edit. The order of slots on the wire.

import type { CommandName, PushName } from './ops.ts';
import type { Shape } from './tuples.ts';

${[...written.values()].map((shape) => shape.text).join('\n')}

/** Slots of a command's body. */
export const commandSlots: Readonly<Record<CommandName, Shape>> = {
${inputs.join('\n')}
};

/** Slots of a command's reply. */
export const replySlots: Readonly<Record<CommandName, Shape>> = {
${outputs.join('\n')}
};

/** Slots of a push. */
export const pushSlots: Readonly<Record<PushName, Shape>> = {
${pushes.join('\n')}
};

/** Slots of an error. */
export const errorSlots: Shape = ${error};
`;

writeFileSync(new URL('../protocol/slots.ts', import.meta.url), slotsText);
