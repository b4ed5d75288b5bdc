/**
 * Errors of PostgreSQL and of its driver, sorted at this door. `detail`, `where` and the messages of data errors can
 * hold values of rows: they never leave; a message goes on only where it speaks of names, limits and connections.
 */
import { type ErrorCode, TidemarkError } from "../../pipeline/errors";
import { wordsFor } from "./sql-states";

/** What the server refused. */
export class ServerRefusal extends TidemarkError {
  constructor(
    code: ErrorCode,
    message: string,
    readonly isCut: boolean,
    /** Of a statement that was cancelled: the server's own limit, in milliseconds. */
    readonly limitMs?: number,
  ) {
    super(code, message, { step: "extract" });
  }
}

/** The server cut a statement or a transaction short by its rules: shorter ones may pass. */
export function wasCutShort(error: unknown): boolean {
  return error instanceof ServerRefusal && error.isCut;
}

/** The limit that a statement was cut by; undefined when somebody or something else cut it. */
export function limitOf(error: unknown): number | undefined {
  return error instanceof ServerRefusal ? error.limitMs : undefined;
}

function refusal(state: string, said: string, where: string, limits: { statementMs: number } | undefined) {
  const { code, isSafe, means, advice, isCut } = wordsFor(state, said);
  const words = isSafe ? `: ${said}` : "";
  const meaning = means === undefined ? "" : `: ${means}`;
  const left = isSafe ? "" : " (its own message is left out, it may hold a value)";
  const limitMs = state === "57014" && limits !== undefined ? limits.statementMs || undefined : undefined;
  const limit = limitMs === undefined ? "" : ` This session's statement_timeout is ${limitMs / 1000} s.`;
  return new ServerRefusal(
    code,
    `PostgreSQL refused ${where} with ${state}${words}${meaning}${left}.${limit} ${advice}`,
    isCut === true,
    limitMs,
  );
}

/**
 * @param where what was being done, e.g. `resource "customers"`
 * @param limits of the session, once there is one
 */
export function sqlError(error: unknown, where: string, limits?: { statementMs: number }): TidemarkError {
  if (error instanceof TidemarkError) return error;
  const { code: state, message } = error as { code?: string; message?: string };
  const said = (message ?? "").split("\n")[0]!.replace(/\.$/, "");
  // codes of the operating system are as long, but begin with E and another letter than those of PostgreSQL
  if (typeof state === "string" && /^[0-9A-Z]{5}$/.test(state) && !/^E[A-Z]{4}$/.test(state)) {
    return refusal(state, said, where, limits);
  }
  if (/^SASL.*password must be|^SASL.*client password/.test(said)) {
    return new TidemarkError(
      "SQL_UNAUTHORIZED",
      `PostgreSQL asks for a password for ${where}. Add it to the credentials, or to a password file that others cannot read (passfile).`,
      { step: "extract" },
    );
  }
  // system errors name host and port, never the password
  const words = state ? `${state}` : said || "connection lost";
  return new TidemarkError(
    "SQL_CONNECTION",
    `The connection to PostgreSQL for ${where} was lost: ${words}. Check that the server can be reached from the worker; the step is repeated.`,
    { step: "extract" },
  );
}
