/** Batches of texts as pages of rows. */
import type { FieldDef } from "pg";
import type { Row, Value } from "../../json/values";
import { TidemarkError } from "../../pipeline/errors";
import type { ConnectionSettings } from "../../postgres-connection/credentials";
import type { OpenOptions, Page } from "../source";
import { type Session, type Statement, streamRows } from "./connection";
import { namingColumn, type Parser, parserFor } from "./value-parsers";

/** dlt's default. A page holds fewer rows where they are wide: memory is bounded by bytes. */
export const DEFAULT_CHUNK_SIZE = 50_000;

interface Column {
  name: string;
  parse: Parser;
}

function columnsOf(fields: readonly FieldDef[], { resource, parsers }: PageSource): Column[] {
  const names = fields.map(field => field.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new TidemarkError(
      "SQL_QUERY",
      `The query of resource "${resource}" returns two columns named "${twice}". Give one of them another name with AS.`,
      { step: "extract" },
    );
  }
  return fields.map(field => ({
    name: field.name,
    parse: parsers?.get(field.name) ?? parserFor(field.dataTypeID),
  }));
}

function toRow(texts: readonly (string | null)[], columns: readonly Column[], resource: string): Row {
  const row: { [column: string]: Value } = {};
  for (let index = 0; index < columns.length; index++) {
    const { name, parse } = columns[index]!;
    const text = texts[index]!;
    try {
      row[name] = text === null ? null : parse(text);
    } catch (error) {
      throw namingColumn(error, name, resource);
    }
  }
  return row;
}

export interface PageSource {
  settings: ConnectionSettings;
  resource: string;
  chunkSize: number;
  /** Columns whose texts are the place to go on from; empty: none. */
  keys: readonly string[];
  session?: Session;
  /** Of columns whose type reflection knows better than the result does. */
  parsers?: ReadonlyMap<string, Parser>;
}

/** @throws TidemarkError SQL_CONNECTION, SQL_UNAUTHORIZED, SQL_SETTINGS, SQL_QUERY, SQL_TYPE */
export async function* sqlPages(
  source: PageSource,
  statement: Statement,
  { signal, onRequest, onWait }: OpenOptions,
): AsyncGenerator<Page> {
  const { settings, resource, chunkSize, keys, session } = source;
  const where = `resource "${resource}"`;
  let columns: Column[] | undefined;
  const options = { chunkSize, signal, where, session, onRequest, onWait };
  for await (const batch of streamRows(settings, statement, options)) {
    columns ??= columnsOf(batch.fields, source);
    const known = columns;
    const rows = batch.rows.map(texts => toRow(texts, known, resource));
    const last = batch.rows.at(-1);
    if (keys.length === 0 || last === undefined) {
      yield { rows };
      continue;
    }
    yield { rows, resume: keys.map(key => last[known.findIndex(({ name }) => name === key)]!) };
  }
}
