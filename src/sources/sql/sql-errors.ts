/**
 * Errors of PostgreSQL and of its driver, sorted at this door. `detail`, `where` and the messages of data errors can
 * hold values of rows: they never leave; a message goes on only in classes that speak of names and connections.
 */
import { type ErrorCode, TidemarkError } from "../../pipeline/errors";

/** SQLSTATE classes whose primary message names objects, users or the connection, never values. */
const SPEAKING_CLASSES = ["08", "28", "3D", "3F", "42", "53", "57", "25", "0A"];

const UNAUTHORIZED = ["28", "3D"];
/** Connection, resources, operator intervention, conflict with a replica's recovery, deadlock: repeating may help. */
const PASSING = ["08", "53", "57", "40"];

const ADVICE: { [state: string]: string } = {
  "42P01": "Check the name and its schema.",
  "42703": "Check the column's name; a name with upper-case letters needs double quotes.",
  "42501": "Grant the role SELECT on it.",
  "42601": "Check the query; it must be one statement without a trailing semicolon inside.",
  "25006": "Only reading queries are allowed here.",
  "57014": "The server cancelled the statement (statement_timeout).",
};

function codeOf(state: string): ErrorCode {
  if (UNAUTHORIZED.includes(state.slice(0, 2))) return "SQL_UNAUTHORIZED";
  return PASSING.includes(state.slice(0, 2)) ? "SQL_CONNECTION" : "SQL_QUERY";
}

function adviceFor(code: ErrorCode, state: string): string {
  if (code === "SQL_UNAUTHORIZED") return "Check user, password and database in the credentials.";
  if (code === "SQL_CONNECTION") return ADVICE[state] ?? "The step is repeated.";
  return ADVICE[state] ?? "Check the query and the columns it names.";
}

/**
 * @param where what was being done, e.g. `resource "customers"`
 */
export function sqlError(error: unknown, where: string): TidemarkError {
  if (error instanceof TidemarkError) return error;
  const { code: state, message } = error as { code?: string; message?: string };
  const said = (message ?? "").split("\n")[0];
  if (typeof state === "string" && /^[0-9A-Z]{5}$/.test(state)) {
    const code = codeOf(state);
    const words = SPEAKING_CLASSES.includes(state.slice(0, 2))
      ? `: ${said}`
      : " (its message is left out, it may hold a value)";
    return new TidemarkError(
      code,
      `PostgreSQL refused ${where} with ${state}${words}. ${adviceFor(code, state)}`,
      {
        step: "extract",
      },
    );
  }
  if (/^SASL|password must be/.test(said ?? "")) {
    return new TidemarkError(
      "SQL_UNAUTHORIZED",
      `PostgreSQL asks for a password for ${where}. Add it to the credentials.`,
    );
  }
  // system errors name host and port, never the password
  const words = state ? `${state}` : said || "connection lost";
  return new TidemarkError(
    "SQL_CONNECTION",
    `No connection to PostgreSQL for ${where}: ${words}. Check that host and port of the credentials can be reached from the worker; the step is repeated.`,
    { step: "extract" },
  );
}
