import type { TSchema } from 'typebox';
import { describe, expect, test } from 'vitest';
import { commandBodies } from '../../../protocol/bodies/commands.ts';
import { ErrorBody, pushBodies } from '../../../protocol/bodies/pushes.ts';
import { commandSlots, errorSlots, pushSlots, replySlots, type Shape } from '../../../protocol/index.ts';
import { shapesOfProtocol } from '../../../script/protocol-tables.ts';

type Node = TSchema & { properties?: Record<string, Node>; items?: Node; type?: string; additionalProperties?: unknown };

/** The slots a schema stands for, read off the schema itself. */
function slotsOf(schema: TSchema): Shape {
  return Object.entries((schema as Node).properties ?? {}).map(([name, slot]) => {
    if (slot.properties) return [name, slotsOf(slot)];
    return slot.items?.properties ? [name, slotsOf(slot.items), 'list'] : name;
  });
}

describe('slots.ts is what the bodies say', () => {
  test.each(Object.entries(commandBodies))('%s', (name, { input, output }) => {
    expect(commandSlots[name as keyof typeof commandSlots]).toEqual(slotsOf(input));
    expect(replySlots[name as keyof typeof replySlots]).toEqual(slotsOf(output));
  });

  test.each(Object.entries(pushBodies))('push %s', (name, body) => {
    expect(pushSlots[name as keyof typeof pushSlots]).toEqual(slotsOf(body));
  });

  test('errors, and nothing beside these', () => {
    expect(errorSlots).toEqual(slotsOf(ErrorBody));
    expect(Object.keys(commandSlots)).toEqual(Object.keys(commandBodies));
    expect(Object.keys(replySlots)).toEqual(Object.keys(commandBodies));
    expect(Object.keys(pushSlots)).toEqual(Object.keys(pushBodies));
  });
});

describe('bodies', () => {
  const shapes = [...shapesOfProtocol()];

  test.each(shapes)('%s is closed and says what each slot means', (_, shape) => {
    expect((shape as Node).additionalProperties).toBe(false);
    for (const slot of Object.values(shape.properties ?? {})) {
      const meaning = slot.description ?? slot.title ?? slot.items?.title;
      expect(meaning).toMatch(/\S/);
    }
  });
});
