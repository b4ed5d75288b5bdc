/** What dbt's end means, as one of our errors. Pure. */
import { TidemarkError } from "../pipeline/errors";
import type { DbtInfo } from "../pipeline/infos";
import type { RunResults } from "./artifacts";
import { isFailing, isUnfinished } from "./dbt-info";
import { type DbtExit, dbtMissing } from "./dbt-process";
import { ownDbtMessage, plainText, safeDatabaseMessage, safeDbtMessage } from "./safe-message";

/** dbt ended without results: it refused the project, or something broke before the first node. */
export function failureWithoutResults(
  command: string,
  exit: DbtExit,
  at: { executable: string; output: string; project_dir: string; profiles_dir?: string },
): TidemarkError {
  const said = plainText(exit.log.fatal ?? exit.stderr);
  const more = `The whole log is in ${at.output}.`;
  const error = (code: ConstructorParameters<typeof TidemarkError>[0], message: string) =>
    new TidemarkError(code, message, { step: "transform" });

  const lock = /Could not set lock on file "([^"]+)"(?:.*?held in (.+? \(PID \d+\)))?/s.exec(said);
  if (lock) {
    return error(
      "DESTINATION_BUSY",
      `${command}: another process holds ${lock[1]}${lock[2] ? `: ${lock[2]}` : ""}. Retried; close that program to go on at once.`,
    );
  }
  const mismatch = /DBT_SCHEMA_MISMATCH: (.+)/.exec(said);
  if (mismatch) return error("DBT_SCHEMA_MISMATCH", mismatch[1] ?? "");
  if (/No module named '?dbt\b/.test(said)) return dbtMissing(at.executable, "this Python has no dbt");
  const adapter = /Could not find adapter type ['"]?(\w+)/.exec(said);
  if (adapter) {
    return error(
      "DBT_MISSING",
      `dbt has no adapter for ${adapter[1]}. Install dbt-${adapter[1]} beside it with pip.`,
    );
  }
  if (/(Permission denied|read-only|Read-only)/.test(said) && /IO Error|OSError|PermissionError/.test(said)) {
    return error("DESTINATION_DENIED", `${command}: ${safeDatabaseMessage(said)}. ${more}`);
  }
  if (/Error during request to server: .*(Invalid access token|401|403)|invalid_client/.test(said)) {
    return error(
      "DESTINATION_DENIED",
      `${command}: Databricks refused the credentials that the destination gave to dbt (the adapter reads DATABRICKS_TOKEN, or DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET). Renew them where the worker runs. ${more}`,
    );
  }
  if (/Error during request to server|RequestError/.test(said)) {
    return error(
      "DESTINATION_UNAVAILABLE",
      `${command}: the SQL warehouse cannot be reached. Retried; check host and http_path. ${more}`,
    );
  }
  const itself = exit.log.fatal !== undefined && !exit.log.connected;
  if (exit.code === 2 && itself && (!exit.log.crashed || said.startsWith("Found a cycle:"))) {
    const own = ownDbtMessage(said);
    const words = /[.!?]$/.test(own) ? own : `${own}.`;
    return error(
      "DBT_COMPILE",
      `dbt refused the project ${at.project_dir}: ${words}${wayOut(said, at)} ${more}`,
    );
  }
  if (exit.code === 2 && exit.log.fatal !== undefined && !exit.log.crashed) {
    return error("DBT_COMPILE", `dbt refused the project ${at.project_dir}: ${safeDbtMessage(said)} ${more}`);
  }
  if (exit.code === 2 && exit.log.fatal === undefined && /^Usage: dbt/m.test(said)) {
    const usage = /^Error: (.+)$/m.exec(said)?.[1] ?? "bad option";
    return error("DBT_COMPILE", `dbt refused its options: ${usage} ${more}`);
  }
  if (exit.silentSeconds !== undefined) {
    return error(
      "DBT_CRASHED",
      `${command} gave no sign of life for ${exit.silentSeconds} s and was ended: it hangs, or the machine has no time for it. ${more}`,
    );
  }
  const how = exit.signal ? `was ended by ${exit.signal}` : `ended with exit code ${exit.code}`;
  const why = itself ? `: ${ownDbtMessage(said)}` : exit.log.fatal ? `: ${safeDatabaseMessage(said)}` : "";
  return error("DBT_CRASHED", `${command} ${how} before it wrote results${why}. ${more}`);
}

/**
 * A statement that names what is not there or is no SQL: DuckDB's binder, parser and catalog, and the classes of errors of
 * Databricks. A table that is missing may be another model's business, but not one that comes with time.
 */
const WRONG_SQL =
  /^\s*(Binder Error|Parser Error|Catalog Error: (?!.*(already exists|write-write)))|\[(UNRESOLVED_(COLUMN|ROUTINE|FIELD|MAP_KEY)|PARSE_SYNTAX_ERROR|TABLE_OR_VIEW_NOT_FOUND|DATATYPE_MISMATCH|MISSING_AGGREGATION|AMBIGUOUS_REFERENCE|WRONG_NUM_ARGS|INVALID_IDENTIFIER|NUM_COLUMNS_MISMATCH)\b/m;

/** Which field of the spec, where one of them is the cause. */
function wayOut(said: string, at: { profiles_dir?: string }): string {
  if (/does not have a target named/.test(said)) {
    return " Name one of them in transform.dbt.target or DBT_TARGET; with neither, it is the profile's own default.";
  }
  if (/Could not find profile named|profiles\.yml file/.test(said) && at.profiles_dir !== undefined) {
    return ` It was looked for in ${at.profiles_dir}: correct transform.dbt.profiles_dir, or \`profile\` in dbt_project.yml.`;
  }
  return "";
}

/**
 * Nodes that could not run, as opposed to tests that ran and did not hold. Compile errors of single nodes are terminal;
 * errors of the database may pass, and the next attempt redoes only these nodes and what they held up.
 */
export function nodeFailure(
  command: string,
  results: RunResults,
  info: Pick<DbtInfo, "findings">,
  output: string,
): TidemarkError | undefined {
  const broken = results.results.filter(node => isFailing(node.status) && node.status !== "fail");
  const skipped = results.results.filter(node => node.status === "skipped").length;
  if (broken.length === 0) {
    if (!isUnfinished(results)) return undefined;
    return new TidemarkError(
      "DBT_CRASHED",
      `${command} was interrupted: ${skipped} node(s) were not run. The next attempt runs them. The whole log is in ${output}.`,
      { step: "transform" },
    );
  }
  const named = info.findings
    .filter(node => isFailing(node.status) && node.status !== "fail")
    .slice(0, 3)
    .map(node => `${node.unique_id}${node.message ? ` (${node.message})` : ""}`)
    .join("; ");
  const says = (words: RegExp) => broken.find(node => words.test(plainText(node.message ?? "")));
  const compile = says(/^\s*(Compilation|Parsing) Error/) !== undefined;
  const sql = says(WRONG_SQL);
  const tail = `${skipped > 0 ? ` ${skipped} more were skipped.` : ""} The whole log is in ${output}.`;
  if (sql !== undefined && !compile) {
    return new TidemarkError(
      "DBT_SQL",
      `${command}: ${broken.length} node(s) failed, and the database cannot read the SQL of ${sql.unique_id} as it is: ${named}. Correct the model: repeating does not help.${tail}`,
      { step: "transform" },
    );
  }
  return new TidemarkError(
    compile ? "DBT_COMPILE" : "DBT_CRASHED",
    compile
      ? `${command}: ${broken.length} node(s) failed, and dbt cannot compile all of them: ${named}. Correct the project.${tail}`
      : `${command}: ${broken.length} node(s) failed: ${named}. The next attempt redoes only failed and skipped nodes.${tail}`,
    { step: "transform" },
  );
}
