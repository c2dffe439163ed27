// Renders the tables of PROTOCOL.md from the protocol itself, so that text and code cannot drift: test/docs.test.ts compares them.

import type { TSchema } from 'typebox';
import { commandBodies } from '../protocol/bodies/commands.ts';
import { ErrorBody, pushBodies } from '../protocol/bodies/pushes.ts';
import { closeCodes } from '../protocol/close-codes.ts';
import { errorCodes } from '../protocol/errors.ts';
import { limits } from '../protocol/limits.ts';
import { type CommandName, commandOps, type PushName, pushOps } from '../protocol/ops.ts';
import { commandMeanings, limitMeanings, pushMeanings, reservedCommands, reservedPushes } from './protocol-meanings.ts';

type Node = TSchema & {
  type?: string;
  title?: string;
  description?: string;
  properties?: Record<string, Node>;
  required?: string[];
  items?: Node;
  enum?: string[];
  const?: unknown;
  anyOf?: Node[];
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
};

const code = (text: string) => `\`${text}\``;
const grouped = (value: number) => (value === Number.MAX_SAFE_INTEGER ? '2^53−1' : value.toLocaleString('en').replaceAll(',', ' '));
const state = (reserved: boolean) => (reserved ? 'reserved' : 'in use');

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function range(low: number | undefined, high: number | undefined): string {
  if (low !== undefined && high !== undefined) return ` ${grouped(low)}…${grouped(high)}`;
  if (low !== undefined) return ` ≥ ${grouped(low)}`;
  return high === undefined ? '' : ` ≤ ${grouped(high)}`;
}

// Types that recur, named once in the text of the document.
function namedType(node: Node): string | undefined {
  const meaning = node.description ?? '';
  if (meaning.startsWith('Conversation id')) return 'conversation id';
  if (meaning.startsWith('User id')) return 'user id';
  if (meaning.startsWith("The client's id of the message")) return 'uuid';
  if (meaning.startsWith('Number of the entry')) return 'seq';
  if (meaning.startsWith('A seq, or 0')) return 'position';
  if (meaning.startsWith('Ownership epoch')) return 'epoch';
  return meaning.endsWith(', ms since 1970') ? 'time' : undefined;
}

function listType(node: Node): string {
  const count = range(node.minItems, node.maxItems);
  return `list${count ? ` (${count.trim()})` : ''} of ${typeOf(node.items as Node)}`;
}

function stringType(node: Node): string {
  const length = range(node.minLength, node.maxLength);
  if (!node.pattern) return `string${length}`;
  if (node.pattern.startsWith('^[^\\u0000]')) return `string${length}, no NUL`;
  return `string ${code(node.pattern)}`;
}

function typeOf(node: Node): string {
  if (node.properties) return `**${node.title}**`;
  const named = namedType(node);
  if (named) return named;
  if (node.enum) return node.enum.map(code).join(' ');
  if (node.anyOf) return node.anyOf.map(typeOf).join(' or ');
  if (node.const !== undefined) return code(String(node.const));
  if (node.type === 'array') return listType(node);
  if (node.type === 'string') return stringType(node);
  if (node.type === 'integer' || node.type === 'number') return `${node.type}${range(node.minimum, node.maximum)}`;
  if (node.type === 'object') return 'map';
  return node.type ?? 'any value';
}

function meaningOf(node: Node): string {
  const named = namedType(node);
  const meaning = node.description ?? node.title ?? '';
  if (named === 'time') return meaning.replace(', ms since 1970', '');
  return named ? '' : meaning;
}

function slotTable(node: Node): string {
  const slots = Object.entries(node.properties ?? {});
  if (slots.length === 0) return 'No slots.';
  const rows = slots.map(([name, slot], at) => [
    String(at),
    code(name),
    typeOf(slot),
    node.required?.includes(name) ? 'yes' : 'no',
    meaningOf(slot),
  ]);
  return table(['slot', 'name', 'type', 'required', 'meaning'], rows);
}

/** Every shape by title, nested ones included. */
export function shapesOfProtocol(): Map<string, Node> {
  const shapes = new Map<string, Node>();
  const collect = (node: Node) => {
    if (node.properties && !shapes.has(node.title ?? '')) {
      shapes.set(node.title ?? '', node);
      for (const slot of Object.values(node.properties)) collect(slot);
    }
    if (node.items) collect(node.items);
  };
  for (const { input, output } of Object.values(commandBodies)) {
    collect(input as unknown as Node);
    collect(output as unknown as Node);
  }
  for (const body of Object.values(pushBodies)) collect(body as unknown as Node);
  collect(ErrorBody as unknown as Node);
  return shapes;
}

function titleOf(schema: TSchema): string {
  return `**${(schema as Node).title}**`;
}

function commandTable(): string {
  const rows = (Object.entries(commandOps) as [CommandName, number][]).map(([name, op]) => {
    const { input, output } = commandBodies[name];
    return [String(op), code(name), state(reservedCommands.has(name)), titleOf(input), titleOf(output), commandMeanings[name]];
  });
  return table(['op', 'command', 'state', 'body', 'reply', 'meaning'], rows);
}

function pushTable(): string {
  const rows = (Object.entries(pushOps) as [PushName, number][]).map(([name, op]) => [
    String(op),
    code(name),
    state(reservedPushes.has(name)),
    titleOf(pushBodies[name]),
    pushMeanings[name],
  ]);
  return table(['op', 'push', 'state', 'body', 'meaning'], rows);
}

function shapeTables(): string {
  const byTitle = [...shapesOfProtocol()].sort(([a], [b]) => (a.toLowerCase() < b.toLowerCase() ? -1 : 1));
  return byTitle.map(([title, node]) => `**${title}**\n\n${slotTable(node)}`).join('\n\n');
}

function errorTable(): string {
  const rows = Object.entries(errorCodes).map(([name, { retryable, meaning }]) => [code(name), retryable ? 'yes' : 'no', meaning]);
  return table(['code', 'retryable', 'meaning'], rows);
}

function closeCodeTable(): string {
  const rows = Object.entries(closeCodes).map(([number, { name, comeBack, minDelayMs, meaning }]) => [
    number,
    code(name),
    comeBack ? 'yes' : 'no',
    comeBack ? String(minDelayMs) : '',
    meaning,
  ]);
  return table(['code', 'name', 'come back?', 'not before (ms)', 'meaning'], rows);
}

function limitTable(): string {
  const rows = Object.entries(limits).map(([name, value]) => [
    code(name),
    typeof value === 'number'
      ? grouped(value)
      : Object.entries(value)
          .map(([role, count]) => `${role} ${grouped(count)}`)
          .join(', '),
    limitMeanings[name as keyof typeof limits],
  ]);
  return table(['limit', 'value', 'meaning'], rows);
}

/** Text of each generated section, by the name in its markers. */
export function renderSections(): Map<string, string> {
  return new Map([
    ['commands', commandTable()],
    ['pushes', pushTable()],
    ['shapes', shapeTables()],
    ['errors', errorTable()],
    ['close-codes', closeCodeTable()],
    ['limits', limitTable()],
  ]);
}

const markers = (name: string) => [`<!-- generated: ${name} -->`, `<!-- end of ${name} -->`] as const;

/** The section between its markers, or undefined when a marker is missing. */
export function sectionOf(document: string, name: string): string | undefined {
  const [open, close] = markers(name);
  const from = document.indexOf(open);
  const to = document.indexOf(close);
  return from < 0 || to < from ? undefined : document.slice(from + open.length, to).trim();
}

/** The document with every section replaced by its rendering. */
export function withSections(document: string): string {
  let text = document;
  for (const [name, section] of renderSections()) {
    const [open, close] = markers(name);
    const from = text.indexOf(open);
    const to = text.indexOf(close);
    if (from < 0 || to < from) throw new Error(`no markers for ${name}`);
    text = `${text.slice(0, from + open.length)}\n${section}\n${text.slice(to)}`;
  }
  return text;
}
