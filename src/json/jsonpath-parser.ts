/**
 * Grammar of the jsonpath-ng dialect (dlt: `jsonpath_ng.ext.parse`), as far as paths that pick values need it.
 * Left out, with an error that says so: arithmetic, sorting, `parent`, `len`, `keys`, `split()`, `sub()`, `str()`.
 */
export type PathNode =
  | { kind: "root" | "this" | "wildcard" }
  | { kind: "fields"; names: string[] }
  | { kind: "index"; indices: number[] }
  | { kind: "slice"; start?: number; end?: number; step?: number }
  | { kind: "child" | "descendants" | "union" | "where" | "wherenot"; left: PathNode; right: PathNode }
  | { kind: "filter"; test: FilterNode };

export type CompareOperator = "==" | "!=" | "<" | "<=" | ">" | ">=" | "=~";
export type Literal = string | number | boolean | null;
export type FilterNode =
  | { kind: "and" | "or"; operands: FilterNode[] }
  | { kind: "exists" | "missing"; path: PathNode }
  | {
      kind: "compare";
      path: PathNode;
      operator: CompareOperator;
      to: { path: PathNode } | { literal: Literal };
    };

export class JsonPathError extends Error {
  constructor(path: string, message: string) {
    super(`"${path}" is not a valid JSONPath: ${message}`);
    this.name = "JsonPathError";
  }
}

interface Token {
  type: "id" | "number" | "float" | "op" | "named" | "end";
  text: string;
  /** Quoted names are plain names, whatever they look like. */
  quoted?: boolean;
  at: number;
}

const WORD = /@?[a-zA-Z_][a-zA-Z0-9_@-]*/y;
const NUMBER = /-?\d+(\.\d+)?/y;
const OPERATOR = /\.\.|=~|==|<=|>=|!=|&&|\|\||[*.[\]()$,:|&~?@+/!<>=-]/y;

function tokenize(path: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(path);
  };
  while (at < path.length) {
    const char = path[at]!;
    if (char === " " || char === "\t" || char === "\n") {
      at++;
      continue;
    }
    if (char === "'" || char === '"' || char === "`") {
      const start = at++;
      let text = "";
      while (at < path.length && path[at] !== char) {
        if (path[at] === "\\" && at + 1 < path.length) at++;
        text += path[at++];
      }
      if (at >= path.length)
        throw new JsonPathError(path, `the quote opened at position ${start + 1} is not closed`);
      at++;
      tokens.push({ type: char === "`" ? "named" : "id", text, quoted: true, at: start });
      continue;
    }
    const word = match(WORD);
    const number = word ? null : match(NUMBER);
    const operator = word || number ? null : match(OPERATOR);
    const found = word ?? number ?? operator;
    if (!found)
      throw new JsonPathError(
        path,
        `unexpected character "${char}" at position ${at + 1}; put the name in quotes`,
      );
    tokens.push({
      type: word ? "id" : number ? (number[1] ? "float" : "number") : "op",
      text: found[0],
      at,
    });
    at += found[0].length;
  }
  tokens.push({ type: "end", text: "", at });
  return tokens;
}

/** Binding strength of the binary operators (jsonpath-ng's own precedence table). */
const STRENGTH = new Map([
  ["..", 1],
  [".", 2],
  ["|", 3],
  ["where", 5],
  ["wherenot", 6],
]);

/** @throws JsonPathError */
export function parsePath(path: string): PathNode {
  return new Parser(path).parse();
}

class Parser {
  private readonly tokens: Token[];
  private next = 0;

  constructor(private readonly path: string) {
    this.tokens = tokenize(path);
  }

  parse(): PathNode {
    const node = this.binary(0);
    if (this.peek().type !== "end") this.fail();
    return node;
  }

  private peek(): Token {
    return this.tokens[this.next]!;
  }

  private isOp(text: string): boolean {
    const token = this.peek();
    return token.type === "op" && token.text === text;
  }

  private take(text: string): boolean {
    if (!this.isOp(text)) return false;
    this.next++;
    return true;
  }

  private expect(text: string): void {
    if (!this.take(text)) this.fail(`"${text}" was expected`);
  }

  private fail(why?: string): never {
    const token = this.peek();
    const where =
      token.type === "end"
        ? "it ends too early"
        : `"${token.text}" at position ${token.at + 1} is not expected`;
    throw new JsonPathError(this.path, why ? `${where}; ${why}` : where);
  }

  private binary(floor: number): PathNode {
    let left = this.postfix();
    for (;;) {
      const token = this.peek();
      const operator = token.quoted ? "" : token.text;
      const strength = STRENGTH.get(operator);
      if (strength === undefined || strength <= floor) return left;
      this.next++;
      if (operator === ".." && this.isOp("[")) {
        // `a..[?x]` and `a..[0]`: the bracket is the right side.
        left = { kind: "descendants", left, right: this.binary(strength) };
        continue;
      }
      const right = this.binary(strength);
      const kind =
        operator === "."
          ? "child"
          : operator === ".."
            ? "descendants"
            : operator === "|"
              ? "union"
              : operator;
      left = { kind: kind as "child", left, right };
    }
  }

  private postfix(): PathNode {
    let node = this.primary();
    while (this.isOp("[")) node = { kind: "child", left: node, right: this.bracket() };
    return node;
  }

  private primary(): PathNode {
    const token = this.peek();
    if (token.type === "named") {
      this.next++;
      if (token.text === "this") return { kind: "this" };
      throw new JsonPathError(this.path, `the operator \`${token.text}\` is not supported`);
    }
    if (token.type === "number") {
      this.next++;
      return { kind: "fields", names: [token.text] };
    }
    if (token.type === "id") {
      if (!token.quoted && STRENGTH.has(token.text)) this.fail("put the name in quotes");
      return { kind: "fields", names: this.names() };
    }
    if (this.isOp("[")) return this.bracket();
    if (this.take("*")) return { kind: "wildcard" };
    if (this.take("$")) return { kind: "root" };
    if (this.take("@")) return { kind: "this" };
    if (this.take("(")) {
      const inner = this.binary(0);
      this.expect(")");
      return inner;
    }
    return this.fail();
  }

  private names(): string[] {
    const names: string[] = [];
    do {
      const token = this.peek();
      if (token.type !== "id") this.fail("a name was expected");
      names.push(token.text);
      this.next++;
    } while (this.take(","));
    return names;
  }

  private bracket(): PathNode {
    this.expect("[");
    const node = this.inBrackets();
    this.expect("]");
    return node;
  }

  private inBrackets(): PathNode {
    if (this.take("*")) return { kind: "wildcard" };
    if (this.take("?")) return { kind: "filter", test: this.or() };
    const token = this.peek();
    if (token.type === "id") return { kind: "fields", names: this.names() };
    const start = this.integer();
    if (this.take(":")) {
      const end = this.integer();
      const step = this.take(":") ? this.integer() : undefined;
      return { kind: "slice", start, end, step };
    }
    if (start === undefined)
      return this.fail(/[\\/]/.test(token.text) ? "sorting is not supported" : undefined);
    const indices = [start];
    while (this.take(",")) indices.push(this.integer() ?? this.fail("a number was expected"));
    return { kind: "index", indices };
  }

  private integer(): number | undefined {
    const token = this.peek();
    if (token.type !== "number") return undefined;
    this.next++;
    return Number(token.text);
  }

  private or(): FilterNode {
    const operands = [this.and()];
    while (this.take("||")) operands.push(this.and());
    return operands.length === 1 ? operands[0]! : { kind: "or", operands };
  }

  private and(): FilterNode {
    const operands = [this.test()];
    while (this.take("&&") || this.take("&")) operands.push(this.test());
    return operands.length === 1 ? operands[0]! : { kind: "and", operands };
  }

  private test(): FilterNode {
    if (this.isOp("(")) {
      const back = this.next;
      this.next++;
      try {
        const inner = this.or();
        this.expect(")");
        return inner;
      } catch (error) {
        // `(@.a).b == 1`: the parenthesis belongs to the path.
        this.next = back;
        if (!(error instanceof JsonPathError)) throw error;
      }
    }
    if (this.take("!")) return { kind: "missing", path: this.binary(0) };
    const path = this.binary(0);
    const operator = this.peek();
    if (operator.type !== "op" || !/^(==?|!=|<=?|>=?|=~)$/.test(operator.text))
      return { kind: "exists", path };
    this.next++;
    return {
      kind: "compare",
      path,
      operator: (operator.text === "=" ? "==" : operator.text) as CompareOperator,
      to: this.operand(operator.text),
    };
  }

  private operand(operator: string): { path: PathNode } | { literal: Literal } {
    const token = this.peek();
    if (token.type === "number" || token.type === "float") {
      this.next++;
      return { literal: Number(token.text) };
    }
    if (token.type === "id") {
      this.next++;
      if (operator === "=~") {
        this.checkPattern(token.text);
        return { literal: token.text };
      }
      if (!token.quoted && token.text === "null") return { literal: null };
      if (!token.quoted && (token.text === "true" || token.text === "false"))
        return { literal: token.text === "true" };
      return { literal: token.text };
    }
    if ((this.isOp("@") || this.isOp("$")) && operator !== "=~") return { path: this.binary(0) };
    return this.fail("a text, number, true, false, null or a path was expected");
  }

  private checkPattern(pattern: string): void {
    try {
      new RegExp(pattern);
    } catch {
      throw new JsonPathError(this.path, `"${pattern}" is not a valid regular expression`);
    }
  }
}
