/**
 * PostgreSQL's SQLSTATEs that a reader can meet (PostgreSQL manual, appendix "Error Codes"), in words: what it means for
 * a load, and which setting helps. A state without a row of its own has its class's.
 */
import type { ErrorCode } from "../../pipeline/errors";

export interface StateWords {
  code: ErrorCode;
  /** The server's message names objects, limits or the connection, never a value: it is passed on. */
  isSafe: boolean;
  /** What it means, where the server's own words do not say it. */
  means?: string;
  advice: string;
  /** A statement or a transaction was cut short by the server's rules: shorter ones may pass. */
  isCut?: true;
}

/** The rows of docs/sql-sources.md: those of single states, whose classes say less. */
export function printStates(): string {
  const rows = Object.entries(STATES)
    .sort()
    .map(
      ([state, { code, means, advice }]) =>
        `| ${state} | \`${code}\` | ${means === undefined ? "" : `${means}. `}${advice.replaceAll("|", "\\|")} |`,
    );
  return ["| SQLSTATE | code | |", "|---|---|---|", ...rows].join("\n");
}

const IN_QUERY = "Check the query, or the view's definition.";
const EXCLUDE = "Leave the column out (excluded_columns), or cast it in a query of source type postgres.";
const REPEATED = "The step is repeated.";

const query = (advice = IN_QUERY, means?: string, isSafe = true): StateWords => ({
  code: "SQL_QUERY",
  isSafe,
  advice,
  ...(means === undefined ? {} : { means }),
});
/** Its message may quote a value. */
const value = (means: string, advice = EXCLUDE): StateWords => query(advice, means, false);
const passing = (advice = REPEATED, means?: string): StateWords => ({
  ...query(advice, means),
  code: "SQL_CONNECTION",
});
const cut = (advice: string): StateWords => ({ ...passing(advice), isCut: true });
const login = (advice: string): StateWords => ({ ...query(advice), code: "SQL_UNAUTHORIZED" });
const settings = (advice: string, isSafe = true): StateWords => ({
  ...query(advice, isSafe ? undefined : "it takes no queries", isSafe),
  code: "SQL_SETTINGS",
});

const KEEP_CURSOR =
  "A table with a primary key is read on in short statements; where there is none, give the role a longer limit";

export const CLASSES: { [class_: string]: StateWords } = {
  "03": query(),
  "08": passing(),
  "0A": query("Read it by a query that does without it."),
  "20": query(),
  "21": query(),
  "22": value("a value in it cannot be computed or converted"),
  "23": value(
    "a rule of the database was broken, which a reading query cannot do by itself",
    "Check the functions that the query calls.",
  ),
  "24": passing(
    "A pooler between may have taken the session away: it must keep it for a transaction (pool_mode).",
  ),
  "25": query("Only reading queries are allowed here."),
  "26": passing(
    "A pooler between may have taken the session away: it must keep it for a transaction (pool_mode).",
  ),
  "28": login("Check user, password and database in the credentials."),
  "2F": value("a function that it calls failed", "Check the functions of the query or the view."),
  "34": passing(
    "A pooler between may have taken the session away: it must keep it for a transaction (pool_mode).",
  ),
  "38": value("a function that it calls failed", "Check the functions of the query or the view."),
  "39": value("a function that it calls failed", "Check the functions of the query or the view."),
  "3B": query(),
  "3D": login("Check user, password and database in the credentials."),
  "3F": query("Check the schema's name."),
  "40": passing(),
  "42": query("Check the query and the columns it names."),
  "44": query(),
  "53": passing(),
  "54": query("The query or the view is too large for the server's limits; make it smaller."),
  "55": query("Bring the object into the state that the server names, then run again."),
  "57": passing(),
  "58": passing(
    "The server could not read its own files; its administrator has to look. The step is repeated.",
  ),
  "72": passing(
    "The rows were cleaned away while they were read (old_snapshot_threshold). The step is repeated.",
  ),
  F0: query("The server's configuration is broken; its administrator has to look."),
  HV: value("a foreign table's own server failed", "Check the foreign server and its user mapping."),
  P0: value("a function that it calls raised an error", "Check the functions of the query or the view."),
  XX: value("the server met an error inside itself", "Its administrator has to look at the server's log."),
};

export const STATES: { [state: string]: StateWords } = {
  "0A000": query("Read it by a query that does without it; a COPY cannot read it as it is."),
  "22001": value("a text is too long for the type that the query casts it to"),
  "22003": value("a number is out of the range of the type that the query computes it in"),
  "22007": value("a text is no date or time"),
  "22008": value("a date or time is out of range"),
  "22012": value("the query or the view divides by zero", IN_QUERY),
  "22021": value(
    "a text holds bytes that are not valid UTF-8; a database of encoding SQL_ASCII checks none",
    "Leave such columns out (excluded_columns), or read them in a query: convert_from(convert(column::bytea, 'LATIN1', 'UTF8'), 'UTF8').",
  ),
  "22023": value("a function got an argument that it does not take", IN_QUERY),
  "22P02": value("a text does not have the form of the type that the query casts it to"),
  "22P05": value(
    "a text holds a character that UTF-8 does not have",
    "Leave such columns out (excluded_columns), or read them in a query as bytes: column::bytea.",
  ),
  "25006": query("Only reading queries are allowed here."),
  "25P02": passing(),
  "25P03": cut(
    `The server ends transactions that wait (idle_in_transaction_session_timeout). ${KEEP_CURSOR} (options=-c idle_in_transaction_session_timeout=0).`,
  ),
  "25P04": cut(
    `The server limits how long a transaction takes (transaction_timeout). ${KEEP_CURSOR} (options=-c transaction_timeout=0).`,
  ),
  "28000": login(
    "The server's rules (pg_hba.conf) do not let this user in from here like this: check user, database, sslmode, and where it asks for a client certificate sslcert and sslkey.",
  ),
  "28P01": login("Check user and password in the credentials."),
  "3D000": login("Check the database's name in the credentials."),
  "40001": cut(
    "On a replica: rows were cleaned away on the primary while they were read. A table with a primary key is read on in short statements; else set hot_standby_feedback=on or a longer max_standby_streaming_delay on the replica. The step is repeated.",
  ),
  "42501": query("Grant the role SELECT on it, and USAGE on its schema."),
  "42601": query("Check the query; it must be one statement without a trailing semicolon inside."),
  "42703": query("Check the column's name; a name with upper-case letters needs double quotes."),
  "42P01": query("Check the name and its schema."),
  "53100": passing(
    "The server's disk is full, perhaps by sorting; its administrator has to look. The step is repeated.",
  ),
  "53300": passing(
    "The server or its pooler has no connection left for this role; load fewer tables at once, or raise its limit. The step is repeated.",
  ),
  "53400": query(
    "The query needs more temporary space than the role may use (temp_file_limit); raise it, or read fewer rows at once by a cursor.",
  ),
  "54001": query("The query or the view is nested too deeply for the server."),
  "55000": query("A materialized view is filled by REFRESH MATERIALIZED VIEW; then run again."),
  "55006": passing(),
  "55P03": passing(
    "Another session holds a lock on the table for longer than lock_timeout allows. The step is repeated.",
  ),
  "57014": cut(
    `The statement was cancelled, by the server's limit (statement_timeout) or by somebody. ${KEEP_CURSOR} (options=-c statement_timeout=0).`,
  ),
  "57P01": passing("The server is shut down, or somebody ended the connection. The step is repeated."),
  "57P02": passing("The server crashed and comes back. The step is repeated."),
  "57P03": passing("The server is starting up or shutting down. The step is repeated."),
  "57P04": login("The database was dropped."),
  "57P05": cut("The server ends sessions that wait (idle_session_timeout). The step is repeated."),
  XX001: query("The table is damaged on the server's disk; its administrator has to look."),
  XX002: query("An index is damaged on the server's disk; REINDEX it."),
};

type Said = [said: RegExp, words: StateWords];

const POOLER_IS_FULL = passing(
  "The pooler has no place left for another client (max_client_conn); load fewer tables at once, or raise it. The step is repeated.",
);

/**
 * A pooler has one SQLSTATE for all that it refuses itself or passes on from the server's door: pgbouncer that of lost
 * connections. What it says tells them apart; most of it helps nobody to repeat.
 */
const OF_PGBOUNCER: Said[] = [
  [
    /^unsupported startup parameter/,
    settings(
      "The pooler does not pass it on: leave it out of the credentials and set it for the role (ALTER ROLE … SET …).",
    ),
  ],
  [
    /^transaction blocks not allowed in statement pooling mode/,
    settings("A read is a transaction: give the database pool_mode=transaction or session in the pooler."),
  ],
  [
    /^(unknown|invalid) command '|^unsupported pkt type/,
    settings("This database is the pooler's own console; name the one that is to be read.", false),
  ],
  [
    /^no such (database|user)/,
    login("Check user and database in the credentials, and whether the pooler has them."),
  ],
  [
    /authentication failed/,
    login("Check user and password in the credentials, and whether the pooler has the same."),
  ],
  [
    /^(database|role) ".*" (does not exist|is not permitted to log in)|^no pg_hba\.conf entry|^pg_hba\.conf rejects/,
    login("The server behind the pooler says so: check its address, database and user in the pooler."),
  ],
  [
    /^query timeout/,
    cut(`The pooler limits how long a statement takes (query_timeout). ${KEEP_CURSOR} in the pooler.`),
  ],
  [
    /^idle transaction timeout/,
    cut(`The pooler ends transactions that wait (idle_transaction_timeout). ${KEEP_CURSOR} in the pooler.`),
  ],
  [
    /^query_wait_timeout/,
    passing(
      "No connection to the server came free in time, or the server behind the pooler cannot be reached (query_wait_timeout). Load fewer tables at once, or raise default_pool_size in the pooler. The step is repeated.",
    ),
  ],
  [/^no more connections allowed/, POOLER_IS_FULL],
];
/** Supavisor's has the SQLSTATE of inner errors. */
const OF_SUPAVISOR: Said[] = [
  [
    /^Tenant or user not found/,
    login(
      "The pooler finds its database by the user's name: it must end with the project's, as in reader.project.",
    ),
  ],
  [/^(\w+: )?max clients reached/i, POOLER_IS_FULL],
];
const OF_POOLERS: { [state: string]: Said[] } = { "08P01": OF_PGBOUNCER, XX000: OF_SUPAVISOR };

/** @param said by the server. A state that nobody has words for is taken for an error of the query. */
export function wordsFor(state: string, said = ""): StateWords {
  const pooler = OF_POOLERS[state]?.find(([words]) => words.test(said))?.[1];
  return (
    pooler ??
    STATES[state] ??
    CLASSES[state.slice(0, 2)] ??
    query("Check the query and the columns it names.", undefined, false)
  );
}
