import { type Field, type Fields, nearest, TranshipError } from '@tranship/contracts';

/** Whether a row is wanted. */
export type Where = (row: object) => boolean;
type Value = string | number | boolean;
interface Token {
  readonly kind: 'word' | 'string' | 'number' | 'sign' | 'end';
  readonly text: string;
  /** Counted from 1. */
  readonly column: number;
}

const maxDepth = 50;
const pattern =
  /(?<blank>\s+)|(?<word>[A-Za-z]\w*(?:\.\w+)*)|(?<number>-?\d+(?:\.\d+)?)|(?<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(?<sign>!=|>=|<=|[=<>()])/y;

/** `memoryMB > 4096 and powerState = "poweredOn"`: docs/reference/inventory.md has the language. @throws TranshipError inventory.where */
export function where(text: string, fields: Fields): Where {
  const parser = new Parser(tokens(text), fields);
  return parser.whole();
}

function fail(column: number, what: string): never {
  throw new TranshipError('inventory.where', `column ${column}: ${what}`, { path: 'where' });
}

function tokens(text: string): Token[] {
  const found: Token[] = [];
  for (let at = 0; at < text.length; ) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (!match) fail(at + 1, `${text.slice(at, at + 10)} is not understood`);
    const [kind, sign] = Object.entries(match.groups!).find(([, group]) => group !== undefined) as [string, string];
    if (kind !== 'blank') found.push({ kind: kind as Token['kind'], text: sign, column: at + 1 });
    at += sign.length;
  }
  return [...found, { kind: 'end', text: 'the end', column: text.length + 1 }];
}

/** From the weakest bond to the strongest: or, and, not. */
class Parser {
  readonly #tokens: readonly Token[];
  readonly #fields: Fields;
  #at = 0;

  constructor(all: readonly Token[], fields: Fields) {
    this.#tokens = all;
    this.#fields = fields;
  }

  whole(): Where {
    const test = this.#either(0);
    const { kind, text, column } = this.#next;
    return kind === 'end' ? test : fail(column, `and, or, or the end is wanted before ${text}`);
  }

  #either(depth: number): Where {
    const tests = [this.#both(depth)];
    while (this.#take('or')) tests.push(this.#both(depth));
    return (row) => tests.some((test) => test(row));
  }

  #both(depth: number): Where {
    const tests = [this.#one(depth)];
    while (this.#take('and')) tests.push(this.#one(depth));
    return (row) => tests.every((test) => test(row));
  }

  #one(depth: number): Where {
    const { column } = this.#next;
    if (depth > maxDepth) fail(column, `not and ( are ${maxDepth} deep at most`);
    if (this.#take('not')) {
      const test = this.#one(depth + 1);
      return (row) => !test(row);
    }
    if (!this.#take('(')) return this.#test();
    const test = this.#either(depth + 1);
    if (!this.#take(')')) fail(this.#next.column, `the ( of column ${column} is not closed`);
    return test;
  }

  #test(): Where {
    const name = this.#shift();
    if (name.kind !== 'word') fail(name.column, `a field is wanted, not ${name.text}`);
    const field = this.#fields.get(name.text) ?? unknown(name, this.#fields);
    const path = name.text.split('.');
    const sign = this.#operator();
    const is = sign ? compare(name, field, sign, this.#shift()) : alone(name, field);
    return (row) => is(valuesAt(row, path));
  }

  #operator(): Token | undefined {
    const { kind, text } = this.#next;
    const operates = (kind === 'sign' && !/^[()]$/.test(text)) || (kind === 'word' && text.toLowerCase() === 'like');
    return operates ? this.#shift() : undefined;
  }

  get #next(): Token {
    return this.#tokens[this.#at]!;
  }

  #shift(): Token {
    const token = this.#next;
    if (token.kind !== 'end') this.#at += 1;
    return token;
  }

  #take(what: string): boolean {
    const { kind, text } = this.#next;
    const found = (kind === 'word' || kind === 'sign') && text.toLowerCase() === what;
    if (found) this.#at += 1;
    return found;
  }
}

function unknown({ text, column }: Token, fields: Fields): never {
  const known = [...fields.keys()];
  const inside = known.find((each) => each.startsWith(`${text}.`));
  const near = inside ?? nearest(text, known);
  return fail(column, `there is no field ${text}${near === undefined ? '' : `; did you mean ${near}?`}`);
}

const order: Readonly<Record<string, (a: number, b: number) => boolean>> = {
  '>': (a, b) => a > b,
  '>=': (a, b) => a >= b,
  '<': (a, b) => a < b,
  '<=': (a, b) => a <= b,
};

type Is = (values: readonly unknown[]) => boolean;

function alone(name: Token, field: Field): Is {
  if (field.type === 'boolean') return (values) => values.includes(true);
  return fail(name.column, `${name.text} is a ${field.type}: = or another comparison is wanted behind it`);
}

/** Of a list it is enough that one is so; `!=` is the opposite of `=`: that none is. */
function compare(name: Token, field: Field, sign: Token, operand: Token): Is {
  const what = sign.text.toLowerCase();
  const ordered = order[what];
  const needs = ordered ? 'number' : what === 'like' ? 'string' : field.type;
  if (field.type !== needs) fail(sign.column, `${what} is for a ${needs}; ${name.text} is a ${field.type}`);
  const value = literal(operand, name, field);
  if (ordered) return (values) => values.some((each) => ordered(each as number, value as number));
  if (what === 'like') return (values) => values.some((each) => like(String(each), String(value)));
  if (field.choices && !field.choices.includes(String(value)))
    fail(operand.column, `${name.text} is one of ${field.choices.join(', ')}`);
  return what === '=' ? (values) => values.includes(value) : (values) => !values.includes(value);
}

function literal({ kind, text, column }: Token, name: Token, { type }: Field): Value {
  const truth = kind === 'word' && /^(true|false)$/i.test(text);
  const found = truth ? 'boolean' : kind;
  if (found === type) {
    if (type === 'boolean') return text.toLowerCase() === 'true';
    return type === 'number' ? Number(text) : text.slice(1, -1).replace(/\\(.)/g, '$1');
  }
  const wanted = { string: 'a text in quotes', number: 'a number', boolean: 'true or false' }[type];
  return fail(column, `${name.text} is compared with ${wanted}, not with ${text}`);
}

/** All that lies at a path, through lists. */
function valuesAt(row: unknown, path: readonly string[]): unknown[] {
  const [name, ...rest] = path;
  if (Array.isArray(row)) return row.flatMap((each) => valuesAt(each, path));
  if (name === undefined) return row === undefined ? [] : [row];
  return typeof row === 'object' && row !== null ? valuesAt((row as Record<string, unknown>)[name], rest) : [];
}

/** `*` for any signs, `?` for one; letters of either case. In linear steps but for the stars: a pattern may be anybody's. */
export function like(text: string, glob: string): boolean {
  const [signs, wanted] = [[...text.toLowerCase()], [...glob.toLowerCase()]];
  let [at, want] = [0, 0];
  let star: { want: number; at: number } | undefined;
  while (at < signs.length) {
    if (wanted[want] === '*') {
      star = { want, at };
      want += 1;
    } else if (want < wanted.length && (wanted[want] === '?' || wanted[want] === signs[at])) {
      at += 1;
      want += 1;
    } else if (star) {
      // The last star takes one sign more.
      star = { ...star, at: star.at + 1 };
      at = star.at;
      want = star.want + 1;
    } else return false;
  }
  return wanted.slice(want).every((sign) => sign === '*');
}
