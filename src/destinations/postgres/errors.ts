/**
 * PostgreSQL's errors, sorted once. `detail`, `where` and the messages of data errors quote values of rows: of them only
 * the names of tables, columns, types and constraints go on.
 */
import { type ErrorCode, TidemarkError } from "../../pipeline/errors";

interface ServerError {
  code?: string;
  message?: string;
  table?: string;
  column?: string;
  constraint?: string;
  where?: string;
  detail?: string;
}

/** A value that a column does not take. */
export class Misfit extends TidemarkError {
  /** The column, where the server named it. */
  column: string | undefined;
  /** It is an infinity, which numeric of a fixed precision does not have. */
  infinite?: boolean;
}

/** The SQLSTATE of a refusal; undefined for anything else. */
export function stateOf(error: unknown): string | undefined {
  const { code } = (error ?? {}) as ServerError;
  return typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code)
    ? code
    : undefined;
}

/** The same of a sorted error, which ends with it. */
export function stateSaid(error: unknown): string | undefined {
  return error instanceof TidemarkError
    ? /\(([0-9A-Z]{5})\)\.(?: Nothing|$)/.exec(error.message)?.[1]
    : undefined;
}

/**
 * @param place host:port/database
 * @param doing e.g. `loading table "orders"`
 */
export function sortError(error: unknown, place: string, doing: string): TidemarkError {
  const failed = `PostgreSQL ${place}, ${doing}: `;
  if (error instanceof TidemarkError) return ofConnection(error, failed);
  const state = stateOf(error);
  const said = error as ServerError;
  if (state === undefined) {
    const what = said.code ?? "the connection was lost";
    return new TidemarkError("DESTINATION_UNAVAILABLE", `${failed}${what}. The step is tried again.`);
  }
  const [code, words] = sorted(state, said);
  const dltException = DRIVER_CLASSES[state];
  const message = `${failed}${words} (${state}).${code === "DESTINATION_REFUSED" ? " Nothing was loaded." : ""}`;
  const options = dltException === undefined ? {} : { dltException };
  if (!state.startsWith("22")) return new TidemarkError(code, message, options);
  const misfit = new Misfit(code, message, options);
  misfit.column = COPIED.exec(said.where ?? "")?.[1];
  misfit.infinite = /infinite value/.test(said.detail ?? "");
  return misfit;
}

/** Errors that came while connecting are worded for sources too. */
function ofConnection(error: TidemarkError, failed: string): TidemarkError {
  if (error.code === "SQL_CONNECTION")
    return new TidemarkError("DESTINATION_UNAVAILABLE", `${failed}${error.message}`);
  if (error.code === "SQL_SETTINGS" || error.code === "SQL_UNAUTHORIZED")
    return new TidemarkError("DESTINATION_DENIED", `${failed}${error.message}`);
  return error;
}

function sorted(state: string, said: ServerError): [ErrorCode, string] {
  const message = (said.message ?? "").split("\n")[0]!.slice(0, 400);
  const class_ = state.slice(0, 2);
  if (state === "42501")
    return [
      "DESTINATION_DENIED",
      `${message}. The role needs CREATE on the database, and what it has made itself`,
    ];
  if (class_ === "28" || state === "3D000")
    return ["DESTINATION_DENIED", `${message}. Check user, password and database of the credentials`];
  if (state === "23502") return ["DESTINATION_REFUSED", notNull(said)];
  if (state === "23505")
    return [
      "DESTINATION_REFUSED",
      `two rows share the value of a UNIQUE column (${said.constraint ?? "made by create_indexes"}). Remove the duplicates in the source, or load without create_indexes`,
    ];
  if (state === "21000")
    return [
      "DESTINATION_REFUSED",
      "several rows of this load have the key of one row that is there. Make the primary key unique in the source, or use the strategy delete-insert",
    ];
  if (class_ === "22")
    return ["DESTINATION_REFUSED", `a value does not fit ${columnIn(said)}; give it a wider type by a hint`];
  if (class_ === "42" || class_ === "0A" || class_ === "3F" || class_ === "2B")
    return ["DESTINATION_REFUSED", message];
  if (class_ === "54") return ["DESTINATION_REFUSED", `${message}; the table is too wide for PostgreSQL`];
  if (TRANSIENT.includes(class_) || state === "55P03")
    return ["DESTINATION_UNAVAILABLE", `${message}. The step is tried again`];
  return ["DESTINATION_REFUSED", "the statement was refused"];
}

/** Lost connections, deadlocks and serialization, no resources, an operator's or the system's intervention. */
const TRANSIENT = ["08", "40", "53", "57", "58"];

function notNull({ table, column }: ServerError): string {
  return `a row has no value in the NOT NULL column "${table}.${column}". Make the column nullable or drop such rows in the source`;
}

/** `COPY items, line 5, column price: "12x"`: what follows the colon is the row's. */
const COPIED = /^COPY .{1,200}?, line \d+, column ([^:]{1,200})(?::|$)/;

function columnIn({ where, column, table }: ServerError): string {
  const copied = COPIED.exec(where ?? "");
  if (copied !== null) return `column "${copied[1]}"`;
  return column === undefined ? "the type of its column" : `column "${table}.${column}"`;
}

/** What dlt's driver (psycopg2) calls them. */
const DRIVER_CLASSES: { [state: string]: string } = {
  "22001": "StringDataRightTruncation",
  "22003": "NumericValueOutOfRange",
  "22007": "InvalidDatetimeFormat",
  "22008": "DatetimeFieldOverflow",
  "22021": "CharacterNotInRepertoire",
  "22P02": "InvalidTextRepresentation",
  "22P05": "UntranslatableCharacter",
  "23502": "NotNullViolation",
  "23505": "UniqueViolation",
  "21000": "CardinalityViolation",
  "42601": "SyntaxError",
  "42701": "DuplicateColumn",
  "42703": "UndefinedColumn",
  "42804": "DatatypeMismatch",
  "42P01": "UndefinedTable",
};
