/** A resource of a REST source: fills in placeholders, pages through, and says after each page where to go on. */
import { compilePath } from "../../json/jsonpath";
import type { Row, Value } from "../../json/values";
import { TidemarkError } from "../../pipeline/errors";
import type { NetworkSettings } from "../../pipeline/network";
import type { IncrementalConfig, Json, JsonObject, ResourceHints } from "../../pipeline/spec";
import { HttpClient } from "../http/client";
import type { Pace } from "../http/pace";
import type { OpenOptions, Page, Resource } from "../source";
import { createAuth } from "./auth";
import type { ClientConfig, ParentConfig, ResourceConfig } from "./config";
import {
  type FilledRequest,
  fillHeaders,
  type PaginateContext,
  type Place,
  paginate,
  type RestPage,
} from "./paginate";
import { expand, type Values } from "./placeholders";
import type { SecretMask } from "./secrets";

/** `next` absent: that parent's (or, without parents, the whole) pagination is finished. */
interface Resume {
  /** Index of the parent row that is being asked for; dependent resources only. */
  parent?: number;
  next?: Place;
  /** Rows handed out so far. */
  rows: number;
}

/** What all resources of a source have in common, besides their client's config. */
export interface Reach {
  network?: NetworkSettings;
  /** Texts that stay with the source's host. */
  secrets: readonly string[];
  hosts: ReadonlySet<string>;
  pace: () => Pace;
}

export class RestResource implements Resource {
  readonly name: string;
  readonly hints: ResourceHints;
  readonly parent?: string;
  readonly selected: boolean;
  readonly incremental?: IncrementalConfig;
  readonly parallelized: boolean;

  constructor(
    private readonly client: ClientConfig,
    private readonly config: ResourceConfig,
    private readonly mask: SecretMask,
    private readonly reach: Reach,
  ) {
    this.name = config.name;
    this.parallelized = config.parallelized;
    this.hints = config.hints;
    this.parent = config.parent?.resource;
    this.selected = config.selected;
    this.incremental = config.incremental;
  }

  async *open(options: OpenOptions): AsyncGenerator<Page> {
    const resume =
      options.resume === undefined ? undefined : (this.mask.reveal(options.resume) as unknown as Resume);
    const { client } = this;
    const { network, secrets, hosts, pace } = this.reach;
    const http = new HttpClient({
      ...options,
      pace: pace(),
      tls: client.tls,
      proxies: client.proxies,
      network,
      secrets,
      hosts,
    });
    const what = `Resource "${this.name}" (${this.config.method} ${withoutSecrets(this.config.writtenPath)})`;
    const context: PaginateContext = {
      http,
      auth: this.config.auth && createAuth(this.config.auth, http, what),
      client: this.client,
      config: this.config,
      // What is included from a parent is written into the rows.
      asText: options.takesText === true && (this.config.parent?.include.length ?? 0) === 0,
      what,
      credentials: this.config.auth
        ? `Check the credentials in ${this.config.authPath} (${this.config.auth.type}): refused, or without the right to read this.`
        : "No auth is configured: add client.auth, or auth to the endpoint.",
    };
    try {
      if (this.config.parent === undefined) yield* this.pages(context, options, resume);
      else yield* this.pagesPerParent(this.config.parent, context, options, resume);
    } finally {
      await http.close();
    }
  }

  private async *pages(
    context: PaginateContext,
    options: OpenOptions,
    resume: Resume | undefined,
  ): AsyncGenerator<Page> {
    if (resume !== undefined && resume.next === undefined) return;
    let rows = resume?.rows ?? 0;
    const filled = this.fill(incrementalValues(options, this.incremental));
    for await (const page of paginate(context, filled, resume?.next)) {
      rows += countOf(page);
      yield { ...onlyRows(page), resume: this.place({ next: page.next, rows }) };
    }
  }

  private async *pagesPerParent(
    parent: ParentConfig,
    context: PaginateContext,
    options: OpenOptions,
    resume: Resume | undefined,
  ): AsyncGenerator<Page> {
    if (options.parentRows === undefined) {
      throw new TidemarkError(
        "INTERNAL",
        `${context.what} was opened without the rows of "${parent.resource}".`,
      );
    }
    const finders = parent.fields.map(field => ({ ...field, find: compilePath(field.path) }));
    const fixed = incrementalValues(options, this.incremental);
    const first = resume?.parent ?? 0;
    let rows = resume?.rows ?? 0;
    let index = -1;
    for await (const batch of options.parentRows) {
      for (const row of batch) {
        index++;
        if (index < first) continue;
        const values = new Map(fixed);
        for (const { placeholder, path, find } of finders) {
          values.set(placeholder, fieldOf(row, path, find, context.what, parent.resource));
        }
        const included = includedOf(row, parent, context.what);
        const from = index === first ? resume?.next : undefined;
        for await (const page of paginate(context, this.fill(values), from)) {
          if (included.length > 0) include(page.rows, included);
          rows += countOf(page);
          const place =
            page.next === undefined ? { parent: index + 1, rows } : { parent: index, next: page.next, rows };
          yield { ...onlyRows(page), resume: this.place(place) };
        }
      }
    }
  }

  private fill(values: Values): FilledRequest {
    const { config, client } = this;
    const params = expand(config.params, values) as JsonObject;
    // A start without a value is left out of the query: null params are.
    if (config.startParam !== undefined)
      params[config.startParam] = values.get("incremental.start_value") as Json;
    if (config.endParam !== undefined) params[config.endParam] = values.get("incremental.end_value") as Json;
    return {
      path: expand(config.path, values) as string,
      params,
      headers: fillHeaders(mergeHeaders(client.headers, expand(config.headers, values) as JsonObject)),
      json: config.json === undefined ? undefined : expand(config.json, values, true),
      data: config.data === undefined ? undefined : expand(config.data, values),
    };
  }

  private place(resume: Resume): Json {
    return this.mask.hide(JSON.parse(JSON.stringify(resume)) as Json);
  }
}

function mergeHeaders(client: JsonObject, endpoint: JsonObject): JsonObject {
  const own = new Set(Object.keys(endpoint).map(name => name.toLowerCase()));
  const kept = Object.entries(client).filter(([name]) => !own.has(name.toLowerCase()));
  return { ...Object.fromEntries(kept), ...endpoint };
}

/** The four `{incremental.…}` values. dlt's `last_value` has the lag applied too, so it equals the start. */
function incrementalValues(options: OpenOptions, config: IncrementalConfig | undefined): Map<string, Value> {
  if (config === undefined) return new Map();
  const range = options.incremental;
  const start = range?.start_value ?? range?.initial_value ?? config.initial_value ?? null;
  return new Map<string, Value>([
    ["incremental.start_value", start],
    ["incremental.last_value", start],
    ["incremental.initial_value", range?.initial_value ?? config.initial_value ?? null],
    ["incremental.end_value", range?.end_value ?? config.end_value ?? null],
  ]);
}

function fieldOf(
  row: Row,
  path: string,
  find: (value: Value) => Value[],
  what: string,
  parent: string,
): Value {
  const [value] = find(row);
  if (value === undefined) throw missing(row, path, what, parent);
  return value;
}

function missing(row: Row, field: string, what: string, parent: string): TidemarkError {
  const keys = Object.keys(row);
  const shown = keys.slice(0, 20).join(", ") + (keys.length > 20 ? ", …" : "");
  return new TidemarkError(
    "SOURCE_BAD_RESPONSE",
    `${what} needs the field "${field}" of "${parent}", but a row of it has none. That row's fields: ${shown}.`,
    { dltException: "ValueError" },
  );
}

/** dlt names them `_<parent>_<field>`. */
function includedOf(row: Row, parent: ParentConfig, what: string): [string, Value][] {
  return parent.include.map(field => {
    if (!Object.hasOwn(row, field)) throw missing(row, field, what, parent.resource);
    return [`_${parent.resource}_${field}`, row[field]!];
  });
}

function include(rows: Row[], included: [string, Value][]): void {
  for (const row of rows) for (const [key, value] of included) row[key] = value;
}

/** A path as it may be shown: no query, no user and password. */
function withoutSecrets(path: string): string {
  return path.replace(/[?#].*$/s, "").replace(/^([a-z]+:\/\/)[^/]*@/i, "$1");
}

function onlyRows({ rows, text, absent }: RestPage): Pick<Page, "rows" | "text" | "absent"> {
  return { rows, ...(text === undefined ? {} : { text }), ...(absent ? { absent } : {}) };
}

const countOf = ({ rows, text }: RestPage): number => text?.rows ?? rows.length;
