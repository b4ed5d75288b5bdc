/**
 * When a backfill may run. Pure, so that the workflow's validator, the command line and the engine judge alike.
 * A reason is a sentence for the person who asked; undefined means yes.
 */
import type { ResourcePlan } from "./infos";
import { unknownName } from "./nearest-name";
import type { BackfillRequest } from "./spec";
import { isNumberText, orderAsNumbers, ordersAsInstants } from "./value-order";

const KEYS = ["resource", "from", "to", "allow_duplicates"];
/** Anybody may send a request, and it is told in history, details and results: no part of it may be huge. */
const LONGEST_NAME = 500;
const LONGEST_VALUE = 200;

/** The payload's own form, judged without knowing the pipeline. */
export function backfillFormProblem(payload: unknown): string | undefined {
  if (payload === null || typeof payload !== "object" || Array.isArray(payload)) {
    return 'a backfill is an object such as {"resource": "customers", "from": "2026-01-01", "to": "2026-02-01"}';
  }
  const request = payload as { [key: string]: unknown };
  for (const key of Object.keys(request)) if (!KEYS.includes(key)) return unknownName("key", key, KEYS);
  if (typeof request.resource !== "string" || request.resource === "")
    return '"resource" must name a resource';
  if (request.resource.length > LONGEST_NAME)
    return `"resource" is longer than ${LONGEST_NAME} characters: no resource has such a name`;
  for (const key of ["from", "to"] as const) {
    const value = request[key];
    if (key === "to" && value === undefined) continue;
    if (typeof value !== "string" && typeof value !== "number") {
      return `"${key}" must be a value of the cursor, as text or number${key === "to" ? "; it is exclusive and may be left out" : ""}`;
    }
    if (value === "" || (typeof value === "number" && !Number.isFinite(value))) return `"${key}" is empty`;
    if (typeof value === "string" && value.length > LONGEST_VALUE)
      return `"${key}" is longer than ${LONGEST_VALUE} characters`;
    if (typeof value === "number" && Number.isInteger(value) && !Number.isSafeInteger(value))
      return `"${key}" is an integer beyond 2^53, which loses digits as a number in JSON; give it as text`;
  }
  if (request.allow_duplicates !== undefined && typeof request.allow_duplicates !== "boolean") {
    return '"allow_duplicates" must be true or false';
  }
  return undefined;
}

/** Judged against the pipeline: refused where it would destroy or double data. */
export function backfillProblem(
  request: BackfillRequest,
  resources: readonly ResourcePlan[],
  values: "as they are" | "by characters" = "as they are",
): string | undefined {
  const plan = resources.find(resource => resource.name === request.resource);
  if (plan === undefined) {
    return unknownName(
      "resource",
      request.resource,
      resources.map(resource => resource.name),
    );
  }
  if (plan.cursor_path === undefined) {
    return `resource "${plan.name}" has no incremental cursor, so there is no range to load again; run the pipeline instead`;
  }
  if (plan.disposition === "replace") {
    return `resource "${plan.name}" is loaded with replace: a range would replace the whole table; run the pipeline instead`;
  }
  if ((plan.strategy === "scd2" || plan.strategy === "cdc") && !plan.has_merge_key && !plan.has_scope) {
    return `resource "${plan.name}" is loaded with ${plan.strategy}: rows outside the range would be retired; give it a merge_key${plan.strategy === "cdc" ? " or a destination_scope" : ""} that limits what a load may touch`;
  }
  if (plan.disposition === "append" && request.allow_duplicates !== true) {
    return `resource "${plan.name}" is loaded with append: rows that are there already would be doubled; say "allow_duplicates": true if that is wanted`;
  }
  return values === "as they are" ? rangeProblem(request, plan) : rangeProblemByCharacters(request, plan);
}

/**
 * Refused is what is wrong under every reading. The spec tells a cursor's type by its initial_value only, if at all;
 * the engine knows the stored cursor and judges for good (load/backfill-range.ts).
 */
function rangeProblem(request: BackfillRequest, plan: ResourcePlan): string | undefined {
  const { from, to } = request;
  const numeric = isNumeric(plan);
  const dated = plan.cursor_type === "timestamp" || plan.cursor_type === "date";
  for (const [key, value] of [
    ["from", from],
    ["to", to],
  ] as const) {
    if (value === undefined) continue;
    if (numeric && !isNumberText(String(value))) {
      return `"${key}" must be a number, as cursor "${plan.cursor_path}" is ${plan.cursor_type}`;
    }
    if (dated && !isDateLike(value)) {
      return `"${key}" must be a date or timestamp such as 2026-01-31 or 2026-01-31T10:00:00Z, as cursor "${plan.cursor_path}" is a ${plan.cursor_type}`;
    }
  }
  if (to === undefined) return undefined;
  const orders = readings(from, to, plan);
  if (orders.length === 0) {
    return '"from" and "to" must be of one type: two numbers, two dates or two texts';
  }
  const forward = plan.last_value_func === "min" ? -1 : 1;
  if (orders.some(order => order * forward < 0)) return undefined;
  return forward === 1
    ? '"from" must be before "to" ("to" is exclusive)'
    : `"from" must be above "to" ("to" is exclusive), as cursor "${plan.cursor_path}" counts down (last_value_func "min")`;
}

const isNumeric = ({ cursor_type: type }: ResourcePlan): boolean =>
  type === "bigint" || type === "double" || type === "decimal";

/** How `from` and `to` stand to each other, under each reading that the cursor's type leaves open. */
function readings(from: string | number, to: string | number, plan: ResourcePlan): number[] {
  const a = String(from);
  const b = String(to);
  const orders: (number | undefined)[] = [];
  if (plan.cursor_type === undefined || isNumeric(plan)) orders.push(orderAsNumbers(a, b));
  if (!isNumeric(plan) && typeof from === "string" && typeof to === "string") {
    orders.push(a < b ? -1 : a > b ? 1 : 0, ...ordersAsInstants(a, b));
  }
  return orders.filter(order => order !== undefined);
}

/**
 * As it was before values compared as what they are: texts by their characters. For runs that were open then, whose
 * histories must take the same road (docs: changing a workflow).
 */
function rangeProblemByCharacters(request: BackfillRequest, plan: ResourcePlan): string | undefined {
  const { from, to } = request;
  for (const [key, value] of [
    ["from", from],
    ["to", to],
  ] as const) {
    if (value === undefined) continue;
    if (isNumeric(plan) && !Number.isFinite(Number(value))) {
      return `"${key}" must be a number, as cursor "${plan.cursor_path}" is ${plan.cursor_type}`;
    }
    if ((plan.cursor_type === "timestamp" || plan.cursor_type === "date") && !isDateLike(value)) {
      return `"${key}" must be a date or timestamp`;
    }
  }
  if (to === undefined) return undefined;
  if (typeof from !== typeof to) return '"from" and "to" must be of one type';
  const ordered = isNumeric(plan) || typeof from === "number" ? Number(from) < Number(to) : from < to;
  return ordered ? undefined : '"from" must be before "to" ("to" is exclusive)';
}

function isDateLike(value: string | number): boolean {
  return typeof value === "string" && /^\d{4}-?\d{2}-?\d{2}([T ]|$)/.test(value);
}
