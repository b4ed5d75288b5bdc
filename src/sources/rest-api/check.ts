/** Every problem of a REST config at once, each with its path and the nearest valid name. Pure and offline. */
import type { z } from "zod";
import { nearestName } from "../../pipeline/nearest-name";
import { isSecretRef } from "../../pipeline/secret-ref";
import type { Json, JsonObject, SourceSpec } from "../../pipeline/spec";
import { shapeProblems } from "../shape-problems";
import type { SpecProblem } from "../source";
import { isJsonObject, withoutNulls } from "./merge-defaults";
import { resolveConfig } from "./resolve";
import {
  AUTHS,
  client as clientShape,
  resourceDefaults as defaultsShape,
  endpoint as endpointShape,
  hints as hintsShape,
  PAGINATORS,
  resource as resourceShape,
  restIncremental,
  source as sourceShape,
} from "./shapes";

type Path = (string | number)[];

export function checkConfig(source: SourceSpec): SpecProblem[] {
  const problems: SpecProblem[] = [];
  const found = under(
    problems,
    [],
    sourceShape,
    dropNulls(source as unknown as JsonObject, ["resource_defaults"]),
  );
  const { client, resources, resource_defaults: defaults } = source as unknown as JsonObject;
  if (isJsonObject(client)) checkClient(client, problems);
  if (isJsonObject(defaults)) checkDefaults(defaults, problems);
  if (!Array.isArray(resources)) return problems;
  if (resources.length === 0) problems.push({ path: ["resources"], message: "names no resource" });
  const broken = new Set<number>();
  resources.forEach((one, index) => {
    const before = problems.length;
    checkResource(one, ["resources", index], problems);
    if (problems.length > before) broken.add(index);
  });
  const defaultsBroken = problems.some(problem => problem.path[0] === "resource_defaults");
  if (!found.some(problem => problem.path[0] === "client") && !defaultsBroken && isJsonObject(client)) {
    resolveConfig(source, broken, problems);
  }
  return problems;
}

/** Adds what a shape finds, with the path in front. */
function under(problems: SpecProblem[], at: Path, shape: z.ZodType, value: unknown): SpecProblem[] {
  const found = shapeProblems(shape, value).map(problem => ({
    path: [...at, ...problem.path],
    message: problem.message,
  }));
  problems.push(...found);
  return found;
}

function dropNulls(value: JsonObject, keys: string[]): JsonObject {
  return Object.fromEntries(
    Object.entries(value).filter(([key, one]) => one !== null || !keys.includes(key)),
  );
}

function checkClient(client: JsonObject, problems: SpecProblem[]): void {
  const at: Path = ["client"];
  under(problems, at, clientShape, client);
  const base = client.base_url;
  if (typeof base === "string" && base !== "" && !/^https?:\/\/[^/]/i.test(base)) {
    problems.push({
      path: ["client", "base_url"],
      message: "must begin with http:// or https:// and a host",
    });
  }
  checkPaginator(client.paginator, [...at, "paginator"], problems);
  checkAuth(client.auth, [...at, "auth"], problems);
}

function checkDefaults(defaults: JsonObject, problems: SpecProblem[]): void {
  const at: Path = ["resource_defaults"];
  if (typeof defaults.endpoint === "string") {
    problems.push({
      path: [...at, "endpoint"],
      message: "must be an object here; every resource has its own path",
    });
  }
  under(problems, at, defaultsShape, defaults);
  checkCommon(defaults, at, problems);
}

function checkResource(raw: Json, at: Path, problems: SpecProblem[]): void {
  if (typeof raw === "string") {
    if (raw === "") problems.push({ path: at, message: "must not be empty" });
    return;
  }
  if (!isJsonObject(raw)) {
    problems.push({ path: at, message: "must be a path or an object" });
    return;
  }
  under(problems, at, resourceShape, raw);
  checkCommon(raw, at, problems);
}

/** What a resource and resource_defaults have in common. */
function checkCommon(raw: JsonObject, at: Path, problems: SpecProblem[]): void {
  if (Array.isArray(raw.processing_steps) && raw.processing_steps.length > 0) {
    problems.push({
      path: [...at, "processing_steps"],
      message:
        "holds functions in dlt, which a spec cannot say; only an empty list is taken. Filter and map in dbt, or write " +
        "the resource as a code source",
    });
  }
  const hintKeys = Object.keys(hintsShape.shape);
  const given = Object.entries(withoutNulls(raw)).filter(([key]) => hintKeys.includes(key));
  under(problems, at, hintsShape, Object.fromEntries(given));
  checkDisposition(raw.write_disposition, [...at, "write_disposition"], problems);
  checkNestedColumns(raw.nested_hints, [...at, "nested_hints"], problems);
  if (!isJsonObject(raw.endpoint)) return;
  const endpointAt = [...at, "endpoint"];
  under(problems, endpointAt, endpointShape, raw.endpoint);
  checkPaginator(raw.endpoint.paginator, [...endpointAt, "paginator"], problems);
  checkAuth(raw.endpoint.auth, [...endpointAt, "auth"], problems);
  checkIncremental(raw.endpoint.incremental, [...endpointAt, "incremental"], problems);
  checkOlderIncrementals(raw.endpoint.params, [...endpointAt, "params"], problems);
}

/** dlt: TWriteDispositionConfig. Its REST sources take an option only with the strategy that has it. */
const STRATEGY_OPTIONS: { [option: string]: string[] } = {
  deduplicated: ["delete-insert"],
  source_filter: ["delete-insert", "upsert", "scd2", "cdc"],
  destination_scope: ["delete-insert", "scd2", "cdc"],
  skip_unchanged_rows: ["upsert", "cdc"],
  row_version_column_name: ["upsert", "cdc", "scd2"],
  validity_column_names: ["scd2"],
  active_record_timestamp: ["scd2"],
  boundary_timestamp: ["scd2"],
};

function checkDisposition(disposition: Json | undefined, at: Path, problems: SpecProblem[]): void {
  if (!isJsonObject(disposition)) return;
  for (const option of Object.keys(disposition)) {
    const strategies = STRATEGY_OPTIONS[option];
    if (strategies === undefined || strategies.includes(String(disposition.strategy))) continue;
    const valid = strategies.map(name => `"${name}"`).join(", ");
    problems.push({ path: [...at, option], message: `needs the strategy ${valid} beside it (as in dlt)` });
  }
}

/** dlt takes only an object of columns here, each with its name, and raises otherwise. */
function checkNestedColumns(nested: Json | undefined, at: Path, problems: SpecProblem[]): void {
  if (!isJsonObject(nested)) return;
  for (const [table, hints] of Object.entries(nested)) {
    const columns = isJsonObject(hints) ? hints.columns : undefined;
    if (Array.isArray(columns)) {
      problems.push({
        path: [...at, table, "columns"],
        message: "must be an object of columns here, not a list (as in dlt)",
      });
    } else if (isJsonObject(columns)) {
      for (const [name, column] of Object.entries(columns)) {
        if (isJsonObject(column) && column.name === undefined) {
          problems.push({
            path: [...at, table, "columns", name, "name"],
            message: "is missing; nested columns carry their name (as in dlt)",
          });
        }
      }
    }
  }
}

function checkPaginator(raw: Json | undefined, at: Path, problems: SpecProblem[]): void {
  if (raw === undefined || raw === null) return;
  const type = typeOf(raw, "paginator", PAGINATORS, undefined, at, problems);
  if (type === undefined) return;
  const config = typeof raw === "string" ? { type: raw } : (raw as JsonObject);
  under(problems, at, PAGINATORS[type]!, config);
  if (type === "offset") {
    checkPlace(config, "offset", at, problems);
    checkPlace(config, "limit", at, problems);
  }
  if (type === "page_number") checkPlace(config, "page", at, problems);
  if (type === "cursor") checkPlace(config, "cursor", at, problems);
  if (type === "offset" || type === "page_number") {
    const maximum = type === "offset" ? "maximum_offset" : "maximum_page";
    const hasEnd = config.total_path !== null || isGiven(config[maximum]) || isGiven(config.has_more_path);
    if (!hasEnd && (config.stop_after_empty_page === false || config.stop_after_empty_page === null)) {
      problems.push({
        path: at,
        message: `would never end: give one of total_path, ${maximum}, has_more_path or stop_after_empty_page`,
      });
    }
  }
}

/** A value goes into the query or into the body, not both. */
function checkPlace(config: JsonObject, what: string, at: Path, problems: SpecProblem[]): void {
  if (isGiven(config[`${what}_param`]) && isGiven(config[`${what}_body_path`])) {
    problems.push({ path: at, message: `takes ${what}_param or ${what}_body_path, not both` });
  }
}

function isGiven(value: Json | undefined): boolean {
  return value !== undefined && value !== null && value !== "";
}

function checkAuth(raw: Json | undefined, at: Path, problems: SpecProblem[]): void {
  if (raw === undefined || raw === null) return;
  const type = typeOf(raw, "auth", AUTHS, "bearer", at, problems);
  if (type === undefined) return;
  if (typeof raw !== "string") under(problems, at, AUTHS[type]!, raw);
  else if (type !== "bearer") {
    problems.push({ path: at, message: `"${type}" needs its fields: write an object with type "${type}"` });
  }
}

/** The type named by a text or by the key `type`; undefined (and a problem) when there is none such. */
function typeOf(
  raw: Json,
  what: string,
  table: { [type: string]: unknown },
  otherwise: string | undefined,
  at: Path,
  problems: SpecProblem[],
): string | undefined {
  const valid = Object.keys(table);
  const named = typeof raw === "string" ? raw : isJsonObject(raw) ? (raw.type ?? otherwise) : null;
  const path = typeof raw === "string" ? at : [...at, "type"];
  if (named === null || (typeof named !== "string" && named !== undefined) || isSecretRef(raw)) {
    problems.push({
      path: at,
      message: `must be the name of a ${what} or an object with its type; valid: ${valid.join(", ")}`,
    });
  } else if (named === undefined) {
    problems.push({ path, message: `is missing; valid: ${valid.join(", ")}` });
  } else if (!Object.hasOwn(table, named)) {
    const near = nearestName(named, valid);
    const hint = near ? `; did you mean "${near}"?` : `; valid: ${valid.join(", ")}`;
    problems.push({ path, message: `unknown ${what} "${named}"${hint}` });
  } else return named;
  return undefined;
}

function checkIncremental(raw: Json | undefined, at: Path, problems: SpecProblem[]): void {
  if (!isJsonObject(raw)) return;
  const { convert, transform, ...rest } = withoutNulls(raw);
  for (const [key, value] of Object.entries({ convert, transform })) {
    if (value === undefined) continue;
    problems.push({
      path: [...at, key],
      message: "is a function in dlt, which a spec cannot say; leave it out",
    });
  }
  under(problems, at, restIncremental, rest);
}

/** The older form: `params: { since: { type: "incremental", … } }`. */
function checkOlderIncrementals(params: Json | undefined, at: Path, problems: SpecProblem[]): void {
  if (!isJsonObject(params)) return;
  for (const [name, value] of Object.entries(params)) {
    if (!isJsonObject(value) || value.type !== "incremental") continue;
    const { type: _, ...rest } = value;
    for (const key of ["end_value", "end_param", "start_param"]) {
      if (isGiven(rest[key])) {
        problems.push({
          path: [...at, name, key],
          message: "is not possible in a param; write endpoint.incremental instead",
        });
        delete rest[key];
      }
    }
    checkIncremental(rest, [...at, name], problems);
  }
}
