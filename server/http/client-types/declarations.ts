// Reads a declaration file as the compiler writes it: every statement begins in the first column, and what belongs to it is
// indented or closes it. Nothing else is understood, and what is not understood is an error.

/** A name in a module: what an import or an export of another module points to. */
export interface Target {
  /** As it stands in the import. */
  from: string;
  name: string;
}

export interface Declarations {
  /** Text by name, without `export`, with its comment. Overloads are one text. */
  own: Map<string, string>;
  /** Names that other modules may import. */
  exported: Set<string>;
  /** By local name. */
  imports: Map<string, Target>;
  /** `export { name } from`, by name. */
  forwarded: Map<string, Target>;
  /** `export * from`. */
  forwardedWhole: string[];
}

const statementStart = /^(?:import|export|declare|abstract|class|interface|type|const|function)\b/;
const declaration = /^(export )?((?:declare )?(?:abstract )?(?:class|interface|type|const|function) (\w+)[\s\S]*)$/;
const listed = /^(import|export) (?:type )?\{([\s\S]*)\} from '([^']+)';$/;
const whole = /^export (?:type )?\* from '([^']+)';$/;

/** @throws Error for a statement of another shape */
export function readDeclarations(text: string): Declarations {
  const found: Declarations = { own: new Map(), exported: new Set(), imports: new Map(), forwarded: new Map(), forwardedWhole: [] };
  for (const statement of statementsOf(text)) take(statement, found);
  return found;
}

function statementsOf(text: string): string[] {
  const statements: string[] = [];
  /** In the first column: of the statement that follows, or of a part of the one before. */
  let comment = '';
  for (const line of text.split('\n')) {
    if (line.startsWith('/**') || (comment !== '' && !comment.endsWith('*/\n'))) comment += `${line}\n`;
    else if (statementStart.test(line)) statements.push(`${comment}${line}`);
    else if (line !== '' && !line.startsWith('//')) statements.push(`${statements.pop() ?? ''}\n${comment}${line}`);
    if (comment.endsWith('*/\n') && !line.endsWith('*/')) comment = '';
  }
  return statements;
}

function take(statement: string, found: Declarations): void {
  const [, comment = '', bare = ''] = /^(\/\*\*[\s\S]*?\*\/\n)?([\s\S]*)$/.exec(statement) ?? [];
  const [, kind, names, from] = listed.exec(bare) ?? [];
  const [, forwardedFrom] = whole.exec(bare) ?? [];
  const [, isExported, text, name] = declaration.exec(bare) ?? [];
  if (names && from) takeList(kind === 'import' ? found.imports : found.forwarded, names, from);
  else if (forwardedFrom) found.forwardedWhole.push(forwardedFrom);
  else if (text && name) {
    const overload = found.own.get(name);
    found.own.set(name, `${overload ? `${overload}\n` : ''}${comment}${text}`);
    if (isExported) found.exported.add(name);
  } else if (bare !== 'export {};') throw new Error(`a declaration of an unknown shape: ${statement}`);
}

function takeList(table: Map<string, Target>, names: string, from: string): void {
  for (const one of names.split(',').map((word) => word.trim())) {
    if (one === '') continue;
    const [, name, as] = /^(?:type )?(\w+)(?: as (\w+))?$/.exec(one) ?? [];
    if (!name || as) throw new Error(`a name that is changed on its way: ${one} from ${from}`);
    table.set(name, { from, name });
  }
}
