/** CSV (RFC 4180) as rows: the first line names the columns, every value is a text, an empty one without quotes is null. */
import type { Row } from "../../json/values";
import { TidemarkError } from "../../pipeline/errors";

/** @throws TidemarkError SOURCE_BAD_RESPONSE that tells the line, never what stands in it */
export function csvRows(text: string, delimiter: string): Row[] {
  let names: string[] | undefined;
  const rows: Row[] = [];
  for (const { line, values } of csvLines(text, delimiter)) {
    if (names === undefined) {
      names = values.map((name, i) => name?.trim() || `column_${i + 1}`);
      if (new Set(names).size < names.length)
        throw refused(line, "two columns have one name; rows would lose a value");
      continue;
    }
    if (values.length > names.length)
      throw refused(line, `${values.length} values stand where ${names.length} columns are named`);
    const row: Row = Object.create(null);
    names.forEach((name, i) => {
      row[name] = values[i] ?? null;
    });
    rows.push({ ...row });
  }
  return rows;
}

interface CsvLine {
  /** From 1, where it begins. */
  line: number;
  values: (string | null)[];
}

function* csvLines(text: string, delimiter: string): Generator<CsvLine> {
  let at = 0;
  let line = 1;
  while (at < text.length) {
    const begins = line;
    const values: (string | null)[] = [];
    for (;;) {
      if (text[at] === '"') {
        let value = "";
        for (at++; ; ) {
          const quote = text.indexOf('"', at);
          if (quote < 0) throw refused(begins, "a quoted value has no end");
          const part = text.slice(at, quote);
          line += part.split("\n").length - 1;
          value += part;
          at = quote + 1;
          if (text[at] !== '"') break;
          value += '"';
          at++;
        }
        values.push(value);
        const next = text[at];
        if (next !== undefined && next !== delimiter && next !== "\n" && next !== "\r")
          throw refused(line, "something stands between a closing quote and the next value");
      } else {
        const from = at;
        while (at < text.length && text[at] !== delimiter && text[at] !== "\n" && text[at] !== "\r") at++;
        values.push(from === at ? null : text.slice(from, at));
      }
      if (text[at] !== delimiter) break;
      at++;
    }
    if (text[at] === "\r") at++;
    if (text[at] === "\n") at++;
    line++;
    // A line without anything is no row.
    if (values.length > 1 || values[0] !== null) yield { line: begins, values };
  }
}

function refused(line: number, why: string): TidemarkError {
  return new TidemarkError(
    "SOURCE_BAD_RESPONSE",
    `the answer is no CSV that can be read: in line ${line}, ${why}`,
  );
}
