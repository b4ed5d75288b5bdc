/**
 * What can be said of a SELECT of a user's by its tokens alone, for every destination: one statement, which reads. A
 * destination's own parser and a read-only transaction come after it where there are such things. Pure.
 */

/** A schema that a metric's SQL names by a word of ours. */
export const SQL_SCHEMAS = ["raw", "analytics"] as const;
export type SqlSchema = (typeof SQL_SCHEMAS)[number];

const PLACEHOLDER = /\{\{(.*?)\}\}/gs;
/** Words that begin or make a statement that writes, also behind a WITH. */
const WRITES = ["INSERT", "UPDATE", "DELETE", "MERGE", "INTO", "TRUNCATE"];

interface Token {
  kind: "word" | "quoted" | "mark";
  text: string;
  at: number;
}

/** @returns a sentence with the place (line:column), or undefined where nothing speaks against it */
export function selectProblem(sql: string): string | undefined {
  for (const match of sql.matchAll(PLACEHOLDER)) {
    const name = match[1]?.trim() ?? "";
    if (!(SQL_SCHEMAS as readonly string[]).includes(name))
      return `${place(sql, match.index)}: {{ ${name} }} is not known; valid: {{ raw }}, {{ analytics }}`;
  }
  const read = tokens(sql.replace(PLACEHOLDER, text => "q".repeat(text.length)));
  if (typeof read === "string") return read;
  const first = read[0];
  if (first === undefined) return "holds no statement";
  const begin = read.find(token => token.text !== "(")?.text.toUpperCase() ?? "";
  if (begin !== "SELECT" && begin !== "WITH")
    return `${place(sql, first.at)}: must be a SELECT (or WITH … SELECT), and begins with "${first.text.slice(0, 40)}"`;
  let depth = 0;
  for (const [i, token] of read.entries()) {
    if (token.text === "(") depth++;
    if (token.text === ")" && --depth < 0) return `${place(sql, token.at)}: this bracket was never opened`;
    if (token.text === ";" && i < read.length - 1)
      return `${place(sql, token.at)}: must be one statement, and another one follows this semicolon`;
    if (token.kind !== "word" || read[i - 1]?.text === ".") continue;
    const word = token.text.toUpperCase();
    if (WRITES.includes(word) && read[i + 1]?.text !== "(")
      return `${place(sql, token.at)}: ${word} writes, and a metric only reads (quote the name if a column is called so)`;
  }
  return depth > 0 ? "a bracket is not closed" : undefined;
}

/** The SELECT with quoted names in place of `{{ raw }}` and `{{ analytics }}`, and without a last semicolon. */
export function fillSchemas(sql: string, names: { [schema in SqlSchema]: string }): string {
  const filled = sql.replace(PLACEHOLDER, (whole, name: string) => names[name.trim() as SqlSchema] ?? whole);
  const read = tokens(filled);
  const last = typeof read === "string" ? undefined : read.at(-1);
  return last?.text === ";" ? filled.slice(0, last.at) : filled;
}

/** Comments left out; texts and quoted names as one token each. A sentence where one of them does not end. */
function tokens(sql: string): Token[] | string {
  const found: Token[] = [];
  const open = (what: string, at: number) => `${place(sql, at)}: ${what} is not closed`;
  for (let i = 0; i < sql.length; ) {
    const c = sql[i] as string;
    if (/\s/.test(c)) i++;
    else if (sql.startsWith("--", i)) {
      const end = sql.slice(i).search(/[\r\n]/);
      i = end < 0 ? sql.length : i + end + 1;
    } else if (sql.startsWith("/*", i)) {
      const end = sql.indexOf("*/", i + 2);
      if (end < 0) return open("a comment", i);
      i = end + 2;
    } else if (c === "'" || c === '"' || c === "`") {
      const end = closing(sql, i, c);
      if (end === undefined) return open(c === "'" ? "a text" : "a quoted name", i);
      // Where a backslash escapes the quote the text goes on, elsewhere it ends there.
      const escaped = sql.slice(i, end).indexOf(`\\${c}`);
      if (escaped >= 0)
        return `${place(sql, i + escaped)}: a backslash before a quote is not read everywhere alike; double the quote`;
      found.push({ kind: "quoted", text: sql.slice(i, end), at: i });
      i = end;
    } else if (c === "$") return `${place(sql, i)}: texts in dollars and parameters are not taken here`;
    else {
      const word = /^[\p{L}_][\p{L}\p{N}_$]*/u.exec(sql.slice(i, i + 300))?.[0];
      found.push({ kind: word === undefined ? "mark" : "word", text: word ?? c, at: i });
      i += (word ?? c).length;
    }
  }
  return found;
}

/** A quote is doubled inside. */
function closing(sql: string, start: number, quote: string): number | undefined {
  for (let i = start + 1; i < sql.length; i++) {
    if (sql[i] !== quote) continue;
    if (sql[i + 1] === quote) i++;
    else return i + 1;
  }
  return undefined;
}

function place(sql: string, at: number): string {
  const before = sql.slice(0, at).split("\n");
  return `line ${before.length}:${(before.at(-1) ?? "").length + 1}`;
}
