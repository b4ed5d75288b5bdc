/**
 * dbt passes on what the database says, and databases quote the value that broke: "Could not convert string 'Bob' to
 * INT32". Messages enter history, so what may hold a value of a row is taken out here; the full text stays in the log.
 */

/** Errors that speak of names and places, never of values. */
const SPEAKS_OF_NAMES =
  /^(Catalog|Binder|IO|Permission|Connection|HTTP|Out of Memory|Dependency|Transaction|TransactionContext) Error:/;
/** Errors whose sentence is of use once the values are masked. */
const SPEAKS_OF_VALUES = /^(Conversion|Constraint|Out of Range|Mismatch Type) Error:/;
/** Databricks: error class, then text. */
const ERROR_CLASS = /^\[([A-Z0-9_.]+)\]/;
const DATABASE_ERROR = /^[A-Z][A-Za-z ]+ (Error|Exception):/;
/** What dbt-duckdb says of a model in Python, before its traceback. */
const PYTHON_MODEL = /^Python model failed:/;
const PYTHON_ERROR = /^[A-Za-z_][\w.]*(Error|Exception|Exit|Interrupt)(?=:|$)/;
/** Python's errors that speak of modules and names of the code. */
const OF_PYTHON_NAMES = /^(ModuleNotFound|Import|Name|UnboundLocal|Attribute|Syntax|Indentation)Error: /;
const LIMIT = 600;

/**
 * A message of a dbt node, fit for history: at most 600 characters, no value of a row.
 * dbt's own messages (compilation, contracts, counts of failing rows) are kept.
 */
export function safeDbtMessage(message: string): string {
  const lines = plainText(message)
    .split("\n")
    .map(line => line.trim())
    .filter(line => line !== "");
  const [head = "", ...rest] = lines;
  if (/^(Runtime|Database) Error/.test(head) && rest.length > 0) {
    return clip(`${head}: ${safeDatabaseMessage(rest.join("\n"))}`);
  }
  // A hook of the project, such as on-run-start.
  if (/ failed, error:$/.test(head)) return clip(`${head} ${safeDatabaseMessage(rest.join("\n"))}`);
  if (DATABASE_ERROR.test(head) && !/^(Compilation|Parsing) Error/.test(head)) {
    return clip(safeDatabaseMessage(lines.join("\n")));
  }
  // A failed unit test prints both tables.
  const table = lines.findIndex(line => line.startsWith("@@"));
  return clip((table < 0 ? lines : lines.slice(0, table)).join(" "));
}

/**
 * What dbt said before it opened a connection: about its project, profile, target, selector or version. No row can be
 * in it, but lines and values of the project's files can, and a profile may hold a password: they are left out.
 */
export function ownDbtMessage(message: string): string {
  const lines = plainText(message)
    .split("\n")
    .map(line => line.trim())
    .filter(line => line !== "");
  const syntax = lines.findIndex(line => line.startsWith("Syntax error near line"));
  const told = syntax < 0 ? lines : lines.filter((line, i) => i <= syntax || AFTER_SYNTAX.test(line));
  if (/^[A-Za-z]+ Error$/.test(told[0] ?? "")) told.shift();
  return clip(
    told
      .join(" ")
      .replace(/ @ (\w+): \{.*\} - at path/, " @ $1, at path")
      .replace(UNREADABLE_VALUE, "$1a value of the project's files: its Jinja is wrong")
      .replace(REFUSED_VALUE, "$1…$2")
      .replace(/( has invalid value ).*$/, "$1…"),
  );
}

/** dbt then prints lines of the file, and some readers of YAML do so again: only their own sentences are kept. */
const AFTER_SYNTAX =
  /^(while (parsing|scanning) |did not find |found |expected |could not |in "<[\w ]+>", line \d+|Error encountered in )/;
/** "at path ['threads']: 'abc' is not of type 'integer'", and the same of a profile's credentials. */
const REFUSED_VALUE =
  /(at path \[.*?\]: |\binvalid: )(?!Runtime Error)(?:.*)( is (?:not|too|less|greater|valid under)\b| does not\b| was expected\b| has non-unique\b| should not\b)/;

/** "Could not render {{ x: unexpected …": dbt repeats the value, in part or whole, and does not name its key. */
const UNREADABLE_VALUE = /(Could not render ).*$/;

/** A traceback without its lines of code: the error's name, and its words where they cannot hold a value. */
function pythonError(message: string): string {
  const error = message.split("\n").findLast(line => PYTHON_ERROR.test(line));
  if (error === undefined) return "Python model failed (its words may quote rows; they are in the log)";
  if (OF_PYTHON_NAMES.test(error)) return `Python model failed: ${error}`;
  return `Python model failed: ${PYTHON_ERROR.exec(error)![0]} (its words may quote rows; they are in the log)`;
}

/** What a database said, without values. */
export function safeDatabaseMessage(message: string): string {
  if (PYTHON_MODEL.test(message)) return pythonError(message);
  const withoutExcerpt = message.split(/\n\s*LINE \d+:/)[0] ?? "";
  const text = withoutExcerpt.replace(/\s+/g, " ").trim();
  const errorClass = ERROR_CLASS.exec(text);
  if (errorClass) return `[${errorClass[1]}] (the database's sentence may quote rows; it is in the log)`;
  if (SPEAKS_OF_NAMES.test(text)) return text.replace(/'[^']*'/g, "'…'");
  if (SPEAKS_OF_VALUES.test(text)) return maskValues(text);
  const kind = DATABASE_ERROR.exec(text)?.[0];
  if (kind === "Parser Error:" && !text.includes("'")) return text;
  return `${kind ?? "the database refused:"} (its sentence may quote rows; it is in the log)`;
}

function maskValues(text: string): string {
  // From the first quote to the last: a value may hold quotes itself.
  return text
    .replace(/'.*'/, "'…'")
    .replace(/".*"/, '"…"')
    .replace(/\d+/g, digits => (digits.length <= 3 && /^(8|16|32|64|128)$/.test(digits) ? digits : "…"));
}

const ANSI = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, "g");

/** Without terminal colours. */
export function plainText(text: string): string {
  return text.replace(ANSI, "");
}

function clip(text: string): string {
  return text.length <= LIMIT ? text : `${text.slice(0, LIMIT - 1)}…`;
}
