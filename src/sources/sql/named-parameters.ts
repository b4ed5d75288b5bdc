/**
 * Named parameters `:name` of a plain query, turned into PostgreSQL's `$1`: bound by the server, never put into the
 * text. What stands in strings, quoted names, dollar quotes and comments is left alone, and so is `::type`.
 * A name used twice is one parameter, so that its type may be inferred from either place. Only before IS NULL, where
 * the server infers no type, it is a parameter of its own, read as text.
 */
const QUOTED = new RegExp(
  [
    String.raw`[eE]'(?:[^'\\]|\\.|'')*'`, // string with backslash escapes
    "'(?:[^']|'')*'",
    '"(?:[^"]|"")*"',
    String.raw`--[^\n]*`,
    String.raw`\$(?:[A-Za-z_\x80-\uffff][\w\x80-\uffff]*)?\$`, // opening of a dollar quote
    String.raw`/\*`, // opening of a comment; they nest
    "::",
    String.raw`[\w\x80-\uffff$]+`, // words, so that "e" of a name is no string prefix and "[1:n]" no parameter
    String.raw`:([A-Za-z_]\w*)`,
  ].join("|"),
  "suy",
);

function endOfComment(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; ) {
    const two = text.slice(at, at + 2);
    if (two === "/*") depth++;
    else if (two === "*/") depth--;
    at += two === "/*" || two === "*/" ? 2 : 1;
    if (depth === 0) return at;
  }
  return text.length;
}

export interface BoundQuery {
  /** With `$1`, `$2`, … */
  text: string;
  /** Name of each parameter, in the order of its number; a name may stand twice. */
  names: string[];
}

const IS_NULL = /\s+is\s+(?:not\s+)?null\b/iy;

export function bindNames(query: string): BoundQuery {
  const names: string[] = [];
  const numbers = new Map<string, number>();
  const numberOf = (name: string, asText: boolean) => {
    const key = asText ? `${name} as text` : name;
    const number = numbers.get(key) ?? names.push(name);
    numbers.set(key, number);
    return number;
  };
  let text = "";
  let at = 0;
  while (at < query.length) {
    QUOTED.lastIndex = at;
    const match = QUOTED.exec(query);
    if (!match) {
      text += query[at++];
      continue;
    }
    const [token, name] = match;
    let end = at + token.length;
    // a parameter cannot follow a word directly: `a[1:n]` is a slice
    if (name !== undefined && !/\w/.test(query[at - 1] ?? "")) {
      IS_NULL.lastIndex = end;
      const asText = IS_NULL.test(query);
      text += asText ? `CAST($${numberOf(name, true)} AS text)` : `$${numberOf(name, false)}`;
    } else {
      if (token === "/*") end = endOfComment(query, at);
      else if (token.startsWith("$") && token.endsWith("$") && token.length > 1) {
        const close = query.indexOf(token, end);
        end = close < 0 ? query.length : close + token.length;
      }
      text += query.slice(at, end);
    }
    at = end;
  }
  return { text, names };
}
