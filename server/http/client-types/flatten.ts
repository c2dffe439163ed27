// Several declaration files become one that imports nothing: what its entry exports, and what that needs.

import path from 'node:path/posix';
import { type Declarations, readDeclarations } from './declarations.ts';

/** The text of a declaration file by its path. */
export type ReadModule = (file: string) => string;

/**
 * One declaration file with the exports of `entry`.
 * @throws Error for a file that cannot be read as the compiler writes them, for an import of a package, for an export that is
 * not there, and for two declarations of one name
 */
export function flatten(entry: string, read: ReadModule): string {
  const program = new Program(read);
  const exports = program.exportsOf(entry);
  for (const name of exports) program.keep(entry, name);
  const texts = [...program.kept.values()].map(({ name, text }) => (exports.has(name) ? text.replace(statement, 'export ') : text));
  // Without it everything else would be exported as well.
  return `${texts.join('\n')}\nexport {};\n`;
}

/** Where a statement begins, behind its comment. */
const statement = /^(?=(?:declare|interface|type) )/gm;

interface Kept {
  file: string;
  name: string;
  text: string;
}

class Program {
  readonly kept = new Map<string, Kept>();
  readonly #read: ReadModule;
  readonly #modules = new Map<string, Declarations>();

  constructor(read: ReadModule) {
    this.#read = read;
  }

  exportsOf(file: string): Set<string> {
    const { exported, forwarded, forwardedWhole } = this.#module(file);
    const further = forwardedWhole.flatMap((from) => [...this.exportsOf(located(file, from))]);
    return new Set([...exported, ...forwarded.keys(), ...further]);
  }

  /** Keeps what `name` stands for in a module, and all that it needs. */
  keep(file: string, name: string): void {
    const { own, imports, forwarded, forwardedWhole } = this.#module(file);
    const target = imports.get(name) ?? forwarded.get(name);
    const text = own.get(name);
    if (target) this.keep(located(file, target.from), target.name);
    else if (text !== undefined) this.#add({ file, name, text });
    else {
      const from = forwardedWhole.find((one) => this.exportsOf(located(file, one)).has(name));
      if (from === undefined) throw new Error(`${file} has no ${name}`);
      this.keep(located(file, from), name);
    }
  }

  #add(declaration: Kept): void {
    const { file, name, text } = declaration;
    const other = this.kept.get(name)?.file;
    if (other === file) return;
    if (other !== undefined) throw new Error(`${name} is declared in ${other} and in ${file}: give one another name`);
    if (/\bimport\(/.test(text)) throw new Error(`${name} in ${file} imports a type in passing: name it in an annotation`);
    this.kept.set(name, declaration);
    const { own, imports } = this.#module(file);
    for (const word of wordsOf(text)) if (own.has(word) || imports.has(word)) this.keep(file, word);
  }

  #module(file: string): Declarations {
    const known = this.#modules.get(file) ?? readDeclarations(this.#read(file));
    this.#modules.set(file, known);
    return known;
  }
}

/** Every word outside of comments and texts; more than the names of types, which does no harm. */
function wordsOf(text: string): Set<string> {
  return new Set(text.replace(/\/\*[\s\S]*?\*\/|'[^']*'|"[^"]*"/g, ' ').match(/\b[A-Za-z_]\w*/g));
}

function located(file: string, from: string): string {
  if (!from.startsWith('.')) throw new Error(`${file} imports the package ${from}`);
  return path.join(path.dirname(file), from.replace(/\.ts$/, '.d.ts'));
}
