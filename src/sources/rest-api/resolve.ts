/**
 * A REST config resolved: defaults merged, single entities recognised, path parameters bound, parents found.
 * Every rule that cannot be kept becomes a problem with its path; shapes were checked before (check.ts).
 */
import { compilePath, JsonPathError } from "../../json/jsonpath";
import { unknownName } from "../../pipeline/nearest-name";
import { isSecretRef } from "../../pipeline/secret-ref";
import type { IncrementalConfig, Json, JsonObject, SourceSpec } from "../../pipeline/spec";
import type { ProxyTable } from "../http/proxies";
import { pythonText } from "../http/python-repr";
import {
  type HintsInput,
  hintsShape,
  type IncrementalInput,
  toHints,
  toIncremental,
} from "../resource-hints";
import type { SpecProblem } from "../source";
import type {
  AuthConfig,
  DataFormat,
  PaginatorConfig,
  ParentConfig,
  ResourceConfig,
  ResponseAction,
  RestConfig,
} from "./config";
import { type Dependent, orderByParents } from "./dependencies";
import { isJsonObject, mergeDefaults, normalizeResource, withoutNulls } from "./merge-defaults";
import { namesIn, PlaceholderError, parseTemplate } from "./placeholders";
import { REST_ONLY_KEYS } from "./shapes";

type Path = (string | number)[];
type Endpoint = JsonObject & { path: string };

const INCREMENTAL_VALUES = ["start_value", "last_value", "initial_value", "end_value"];

/**
 * @param broken indexes of resources whose shape has problems: they are known by name, but not looked into
 */
export function resolveConfig(
  source: SourceSpec,
  broken: ReadonlySet<number>,
  problems: SpecProblem[],
): RestConfig {
  const client = source.client as JsonObject;
  const defaults = withoutNulls((source.resource_defaults ?? {}) as JsonObject);
  const raw = source.resources as Json[];
  const known: string[] = [];
  const dependents: Dependent[] = [];
  const resolved = new Map<string, ResourceConfig>();
  raw.forEach((one, index) => {
    const at: Path = ["resources", index];
    const name = typeof one === "string" ? one : isJsonObject(one) ? one.name : undefined;
    if (typeof name !== "string") return;
    if (known.includes(name)) {
      const where: Path = typeof one === "string" ? at : [...at, "name"];
      problems.push({ path: where, message: `a resource "${name}" is there already` });
      return;
    }
    known.push(name);
    if (broken.has(index)) return;
    const { resource, parents } = new ResourceReader(
      mergeDefaults(defaults, normalizeResource(one)),
      at,
      client,
      source.parallelized === true,
      problems,
    ).read();
    resolved.set(name, resource);
    dependents.push({ name, at, parents });
  });
  const order = orderByParents(dependents, known, problems);
  return {
    client: {
      base_url: String(client.base_url),
      headers: (client.headers ?? {}) as { [name: string]: string | null },
      paginator: toPaginator(client.paginator),
      tls: {
        verify: (client.verify ?? undefined) as boolean | string | undefined,
        cert: (client.cert ?? undefined) as string | [string, string] | undefined,
      },
      proxies: (client.proxies ?? {}) as ProxyTable,
      limits: {
        max_concurrent_requests: (client.max_concurrent_requests ?? undefined) as number | undefined,
        requests_per_second: (client.requests_per_second ?? undefined) as number | undefined,
      },
    },
    resources: order.flatMap(name => resolved.get(name) ?? []),
  };
}

/** Short form to long form; `auto` means: as if none were given. */
export function toPaginator(raw: Json | undefined): PaginatorConfig | undefined {
  if (raw === undefined || raw === null) return undefined;
  const config = (typeof raw === "string" ? { type: raw } : raw) as JsonObject;
  if (config.type === "auto") return undefined;
  return { ...config, type: config.type === "json_response" ? "json_link" : config.type } as PaginatorConfig;
}

function toDataFormat(raw: Json | undefined): DataFormat | undefined {
  if (raw === undefined || raw === null) return undefined;
  const format = (typeof raw === "string" ? { type: raw } : raw) as JsonObject;
  const type = format.type === "jsonl" ? "ndjson" : format.type;
  return type === "json" ? undefined : ({ ...format, type } as DataFormat);
}

export function toAuth(raw: Json | undefined): AuthConfig | undefined {
  if (raw === undefined || raw === null) return undefined;
  const config = typeof raw === "string" ? { type: raw } : (raw as JsonObject);
  return { ...config, type: config.type ?? "bearer" } as AuthConfig;
}

/** The last segment of a path holds a placeholder: the answer is one entity (dlt: `single_entity_path`). */
function isSingleEntity(path: string): boolean {
  const last =
    path
      .split("/")
      .filter(part => part !== "" && part !== ".")
      .at(-1) ?? "";
  return /\{[a-zA-Z0-9.\-_]+\}/.test(last);
}

class ResourceReader {
  private readonly endpoint: Endpoint;
  private readonly params: JsonObject;
  private readonly fields = new Map<string, { resource: string; path: string }>();
  private readonly hasIncremental: boolean;

  constructor(
    private readonly merged: JsonObject & { name: string; endpoint: JsonObject },
    private readonly at: Path,
    private readonly client: JsonObject,
    private readonly allParallelized: boolean,
    private readonly problems: SpecProblem[],
  ) {
    this.endpoint = merged.endpoint as Endpoint;
    this.params = { ...((this.endpoint.params ?? {}) as JsonObject) };
    this.hasIncremental = isJsonObject(this.endpoint.incremental);
  }

  read(): { resource: ResourceConfig; parents: string[] } {
    const { endpoint, merged } = this;
    const single = isSingleEntity(endpoint.path);
    this.readParamTypes();
    const path = this.bindPath();
    for (const key of ["params", "json", "data", "headers"] as const) this.readPlaceholders(key);
    const { incremental, startParam, endParam } = this.readIncremental();
    if (endpoint.json && endpoint.data && Object.keys(endpoint.json as object).length > 0) {
      this.problem(["endpoint", "data"], "cannot be sent together with json; use one of them");
    }
    const ownAuth = Object.hasOwn(endpoint, "auth");
    const parents = [...new Set([...this.fields.values()].map(field => field.resource))];
    const resource: ResourceConfig = {
      name: merged.name,
      selected: merged.selected !== false,
      // dlt: rest_api_source(…, parallelized=True) marks every resource.
      parallelized: this.allParallelized || merged.parallelized === true,
      hints: toHints(hintsInput(merged)),
      writtenPath: this.merged.endpoint.path as string,
      method: String(endpoint.method ?? "GET").toUpperCase(),
      path,
      params: this.params,
      headers: (endpoint.headers ?? {}) as { [name: string]: string | null },
      json: (endpoint.json ?? undefined) as JsonObject | undefined,
      data: endpoint.data ?? undefined,
      paginator: toPaginator(endpoint.paginator ?? (single ? "single_page" : undefined)),
      dataSelector:
        ((endpoint.data_selector ?? (single ? "$" : undefined)) as string | undefined) || undefined,
      dataFormat: toDataFormat(endpoint.data_format ?? merged.data_format),
      responseActions: (endpoint.response_actions ?? []) as unknown as ResponseAction[],
      auth: toAuth(ownAuth ? endpoint.auth : this.client.auth),
      authPath: ownAuth ? `endpoint.auth of resource "${merged.name}"` : "client.auth",
      incremental,
      startParam,
      endParam,
      parent: this.readParent(parents),
    };
    return { resource, parents };
  }

  private problem(path: Path, message: string): void {
    this.problems.push({ path: [...this.at, ...path], message });
  }

  /** Params that are objects say what they are: `resolve` (a field of the parent) or `incremental`. */
  private readParamTypes(): void {
    for (const [name, value] of Object.entries(this.params)) {
      const path = ["endpoint", "params", name];
      if (!isJsonObject(value) || isSecretRef(value)) continue;
      if (value.type === "resolve") {
        if (typeof value.resource !== "string")
          this.problem([...path, "resource"], "is missing; name the parent resource");
        if (typeof value.field !== "string")
          this.problem([...path, "field"], "is missing; name a field of the parent");
        if (typeof value.resource === "string" && typeof value.field === "string") {
          this.addField(name, value.resource, value.field, [...path, "field"]);
        }
        delete this.params[name];
      } else if (value.type !== "incremental") {
        this.problem([...path, "type"], unknownName("type", String(value.type), ["resolve", "incremental"]));
      }
    }
  }

  private addField(placeholder: string, resource: string, path: string, at: Path): void {
    try {
      compilePath(path);
    } catch (error) {
      if (!(error instanceof JsonPathError)) throw error;
      this.problem(at, error.message);
      return;
    }
    this.fields.set(placeholder, { resource, path });
  }

  /** Fills static params into the path (they leave the query then); placeholders of parents and cursors stay. */
  private bindPath(): string {
    const at = ["endpoint", "path"];
    const unbound = new Set(this.fields.keys());
    let path = "";
    try {
      for (const { literal, name } of parseTemplate(this.endpoint.path)) {
        path += literal;
        if (name === undefined) continue;
        if (this.isContext(name)) {
          this.readExpression(name, at);
          path += `{${name}}`;
        } else if (this.fields.has(name)) {
          unbound.delete(name);
          path += `{${name}}`;
        } else {
          path += this.bindStatic(name, at);
        }
      }
      // Literal braces were written double and stand single now, but dlt formats the path once more.
      for (const name of namesIn(path)) {
        if (!this.isContext(name) && !this.fields.has(name)) {
          this.problem(at, `{${name}} is not known; in a path, literal braces are written four times`);
        }
      }
    } catch (error) {
      if (!(error instanceof PlaceholderError)) throw error;
      this.problem(at, error.message);
    }
    for (const name of unbound) {
      if (name.startsWith("resources.")) continue;
      this.problem(
        ["endpoint", "params", name],
        `is a resolve param, but the path has no {${name}}; in query params write {resources.<parent>.<field>}`,
      );
    }
    return path;
  }

  private bindStatic(name: string, at: Path): string {
    const value = Object.hasOwn(this.params, name) ? this.params[name] : undefined;
    if (value === undefined || isJsonObject(value)) {
      const message =
        isJsonObject(value) && !isSecretRef(value)
          ? `binds {${name}}, but that param is not of type resolve`
          : `needs {${name}}, but there is no such param; valid: ${[...Object.keys(this.params), "resources.<parent>.<field>", "incremental.<value>"].join(", ")}`;
      if (!isSecretRef(value)) this.problem(at, message);
      return "";
    }
    delete this.params[name];
    return pythonText(value);
  }

  private isContext(name: string): boolean {
    return name.startsWith("resources.") || (this.hasIncremental && name.startsWith("incremental."));
  }

  private readPlaceholders(key: "params" | "json" | "data" | "headers"): void {
    const at = ["endpoint", key];
    try {
      for (const name of namesIn(key === "params" ? this.params : (this.endpoint[key] ?? undefined))) {
        if (this.isContext(name)) this.readExpression(name, at);
        else {
          const valid = this.hasIncremental ? "resources. or incremental." : "resources.";
          this.problem(
            at,
            `{${name}} is not known: it must begin with ${valid}; literal braces are written {{ and }}`,
          );
        }
      }
    } catch (error) {
      if (!(error instanceof PlaceholderError)) throw error;
      this.problem(at, error.message);
    }
  }

  private readExpression(name: string, at: Path): void {
    const [context, first = "", ...rest] = name.split(".");
    if (context === "incremental") {
      if (!INCREMENTAL_VALUES.includes(name.slice("incremental.".length))) {
        this.problem(
          at,
          unknownName("incremental value", name.slice("incremental.".length), INCREMENTAL_VALUES),
        );
      }
    } else if (first === "" || rest.length === 0) {
      this.problem(at, `{${name}} is not complete; the form is {resources.<parent>.<field>}`);
    } else {
      this.addField(name, first, rest.join("."), at);
    }
  }

  private readIncremental(): { incremental?: IncrementalConfig; startParam?: string; endParam?: string } {
    const inParams = Object.entries(this.params).filter(
      ([, value]) => isJsonObject(value) && value.type === "incremental",
    );
    if (inParams.length > 1) {
      const names = inParams.map(([name]) => name).join(", ");
      this.problem(
        ["endpoint", "params"],
        `only one incremental param is possible per endpoint; there are: ${names}`,
      );
    }
    const [older] = inParams;
    for (const [name] of inParams) delete this.params[name];
    const raw = older === undefined ? this.endpoint.incremental : older[1];
    if (!isJsonObject(raw)) return {};
    const config = withoutNulls(raw);
    const input = Object.fromEntries(Object.entries(config).filter(([key]) => !REST_ONLY_KEYS.includes(key)));
    const primaryKey = this.merged.primary_key as string | string[] | undefined;
    return {
      incremental: toIncremental(input as unknown as IncrementalInput, primaryKey ?? undefined),
      startParam: older?.[0] ?? (config.start_param as string | undefined),
      endParam: older === undefined ? (config.end_param as string | undefined) : undefined,
    };
  }

  private readParent(parents: string[]): ParentConfig | undefined {
    const include = (this.merged.include_from_parent ?? []) as string[];
    const [resource] = parents;
    if (resource === undefined) {
      if (include.length > 0)
        this.problem(["include_from_parent"], "is given, but the resource does not depend on another one");
      return undefined;
    }
    const fields = [...this.fields].map(([placeholder, field]) => ({ placeholder, path: field.path }));
    return { resource, fields, include };
  }
}

function hintsInput(merged: JsonObject): HintsInput {
  const given = withoutNulls(merged);
  return Object.fromEntries(
    Object.entries(given).filter(([key]) => Object.hasOwn(hintsShape, key)),
  ) as unknown as HintsInput;
}
