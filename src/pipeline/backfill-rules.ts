/**
 * When a backfill may run. Pure, so that the workflow's validator, the command line and the engine judge alike.
 * A reason is a sentence for the person who asked; undefined means yes.
 */
import type { ResourcePlan } from "./infos";
import { unknownName } from "./nearest-name";
import type { BackfillRequest } from "./spec";

const KEYS = ["resource", "from", "to", "allow_duplicates"];

/** The payload's own form, judged without knowing the pipeline. */
export function backfillFormProblem(payload: unknown): string | undefined {
  if (payload === null || typeof payload !== "object" || Array.isArray(payload)) {
    return 'a backfill is an object such as {"resource": "customers", "from": "2026-01-01", "to": "2026-02-01"}';
  }
  const request = payload as { [key: string]: unknown };
  for (const key of Object.keys(request)) if (!KEYS.includes(key)) return unknownName("key", key, KEYS);
  if (typeof request.resource !== "string" || request.resource === "")
    return '"resource" must name a resource';
  for (const key of ["from", "to"] as const) {
    const value = request[key];
    if (key === "to" && value === undefined) continue;
    if (typeof value !== "string" && typeof value !== "number") {
      return `"${key}" must be a value of the cursor, as text or number${key === "to" ? "; it is exclusive and may be left out" : ""}`;
    }
    if (value === "" || (typeof value === "number" && !Number.isFinite(value))) return `"${key}" is empty`;
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
  return rangeProblem(request, plan);
}

function rangeProblem(request: BackfillRequest, plan: ResourcePlan): string | undefined {
  const { from, to } = request;
  const numeric =
    plan.cursor_type === "bigint" || plan.cursor_type === "double" || plan.cursor_type === "decimal";
  for (const [key, value] of [
    ["from", from],
    ["to", to],
  ] as const) {
    if (value === undefined) continue;
    if (numeric && !Number.isFinite(Number(value))) {
      return `"${key}" must be a number, as cursor "${plan.cursor_path}" is ${plan.cursor_type}`;
    }
    if ((plan.cursor_type === "timestamp" || plan.cursor_type === "date") && !isDateLike(value)) {
      return `"${key}" must be a date or timestamp such as 2026-01-31 or 2026-01-31T10:00:00Z, as cursor "${plan.cursor_path}" is a ${plan.cursor_type}`;
    }
  }
  if (to === undefined) return undefined;
  if (typeof from !== typeof to) return '"from" and "to" must be of one type';
  const ordered = numeric || typeof from === "number" ? Number(from) < Number(to) : from < to;
  return ordered ? undefined : '"from" must be before "to" ("to" is exclusive)';
}

function isDateLike(value: string | number): boolean {
  return typeof value === "string" && /^\d{4}-?\d{2}-?\d{2}([T ]|$)/.test(value);
}
