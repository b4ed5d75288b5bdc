/**
 * What a package was begun from, compared in SQL (design law 11). There is no transaction over tables, so the comparison
 * is folded into statements that are sent anyway, or stands before them in one request. Pure text.
 */
import type { PackageBase, PipelineLoads } from "../../pipeline/package-base";
import type { LoadPlan } from "../destination";
import { LOADS_TABLE, STATE_TABLE } from "../table-chains";
import { type Place, qualifiedTable, quoteText } from "./sql-text";

/** How the server's error is known again; no value of a user is in it. */
export const SUPERSEDED = "tidemark: load superseded";

export interface Fence {
  /**
   * A derived table of one row: `n` (this load is closed), `newest_load`, `newest_state` (this package's own loads left
   * out). Both are exact where the base holds; where it does not, NULL may stand for what is older than the base.
   */
  loads: string;
  /** A condition: the destination has what the package was begun from. */
  holds: string;
  /** A statement that fails when neither that holds nor the load is closed already. */
  assertion: string;
}

export type FencedPlan = LoadPlan & { base: PackageBase };

/** @param hasState the dataset has a state table; naming a table that is missing fails the statement */
export function fenceOf(place: Place, plan: FencedPlan, hasState: boolean): Fence {
  const { base } = plan;
  const loads = `(${selectNewest(place, plan, hasState, boundOf(base))})`;
  const same =
    `\`newest_load\` <=> ${textOrNull(base.load_id)} AND ` +
    `\`newest_state\` <=> ${textOrNull(base.state_load_id)}`;
  return {
    loads,
    holds: `(SELECT ${same} FROM ${loads} AS b)`,
    assertion: `SELECT assert_true((${same}) OR n > 0, ${quoteText(SUPERSEDED)}) AS compared FROM ${loads} AS b`,
  };
}

/** As `Fence.loads`, without brackets, exact in every case. */
export function selectNewest(
  place: Place,
  plan: FencedPlan,
  hasState: boolean,
  bound: string | undefined = undefined,
): string {
  const own = (plan.own_load_ids ?? [plan.load_id]).map(quoteText).join(", ");
  const others = `l.\`load_id\` NOT IN (${own})`;
  const ofState = hasState ? `s.\`pipeline_name\` = ${quoteText(plan.base.pipeline_name)}` : "false";
  return (
    `SELECT count_if(l.\`load_id\` = ${quoteText(plan.load_id)} AND l.\`status\` = 0) AS n, ` +
    `${newest(`${others} AND ${isOf(plan.base, hasState)}`)} AS newest_load, ` +
    `${newest(`${others} AND ${ofState}`)} AS newest_state ${fromLoads(place, hasState, bound)}`
  );
}

/** The greatest load id of the dataset, and the greatest committed one of a pipeline. */
export function greatestLoadIds(place: Place, of: PipelineLoads, hasState: boolean): string {
  return (
    `SELECT max(l.\`load_id\`) AS load_id, ${newest(isOf(of, hasState))} AS newest_load ` +
    fromLoads(place, hasState, undefined)
  );
}

/**
 * Every load writes a file of its own, and Delta knows the ids in each: what is older than the base is not read. A
 * pipeline that had no load or no state is looked for among all.
 */
function boundOf({ load_id, state_load_id }: PackageBase): string | undefined {
  if (load_id === null || state_load_id === null) return undefined;
  return load_id < state_load_id ? load_id : state_load_id;
}

/** One pass over both tables. */
function fromLoads(place: Place, hasState: boolean, bound: string | undefined): string {
  const from = (column: string): string => (bound === undefined ? "" : `${column} >= ${quoteText(bound)}`);
  const loads = `FROM ${qualifiedTable(place, LOADS_TABLE)} AS l`;
  const since = from("l.`load_id`");
  const where = since === "" ? "" : ` WHERE ${since}`;
  if (!hasState) return loads + where;
  const sinceState = from("s.`_dlt_load_id`");
  return (
    `${loads} LEFT JOIN ${qualifiedTable(place, STATE_TABLE)} AS s ON s.\`_dlt_load_id\` = l.\`load_id\`` +
    `${sinceState === "" ? "" : ` AND ${sinceState}`}${where}`
  );
}

const newest = (condition: string): string =>
  `max(CASE WHEN l.\`status\` = 0 AND ${condition} THEN l.\`load_id\` END)`;

/** How loads of a pipeline are told from others says `PipelineLoads`. A load has one state row at most. */
function isOf({ pipeline_name, schema_name, mark }: PipelineLoads, hasState: boolean): string {
  const point = "instr(l.`load_id`, '.')";
  const ofAnother = hasState ? ` AND coalesce(s.\`pipeline_name\` = ${quoteText(pipeline_name)}, true)` : "";
  return (
    `CASE WHEN ${point} > 0 AND length(l.\`load_id\`) - ${point} = 11 THEN right(l.\`load_id\`, 4) = ${quoteText(mark)} ` +
    `ELSE l.\`schema_name\` = ${quoteText(schema_name)}${ofAnother} END`
  );
}

const textOrNull = (text: string | null): string => (text === null ? "NULL" : quoteText(text));
