import type { JsonObject } from "../../../src/pipeline/spec";
import { restApi } from "../../../src/sources/rest-api";
import { createSource, specOf } from "./harness";

function problemsOf(config: JsonObject): string[] {
  return restApi.check(specOf(config)).map(one => `${one.path.join(".")}: ${one.message}`);
}

const client = { base_url: "http://h" };
const withEndpoint = (endpoint: JsonObject, more: JsonObject = {}): JsonObject => ({
  client,
  resources: ["p", { name: "r", endpoint: { path: "r", ...endpoint }, ...more }],
});

test("every problem at once, with its path and the nearest name", () => {
  const problems = problemsOf({
    client: { base_url: 5, paginater: "x", auth: { type: "bearr", token: "t" } },
    resource_defaults: { write_disposition: "merged", endpoint: "x" },
    resources: [
      { name: "a", endpoint: { paginator: "header_lnk", parms: {} } },
      { name: "a" },
      { endpoint: "x" },
      { name: "b", primry_key: "id", processing_steps: [{}] },
      7,
    ],
  });
  expect(problems).toEqual(
    expect.arrayContaining([
      "client.base_url: must be a text that is not empty",
      'client.paginater: unknown key "paginater"; did you mean "paginator"?',
      'client.auth.type: unknown auth "bearr"; did you mean "bearer"?',
      "resource_defaults.endpoint: must be an object here; every resource has its own path",
      'resources.0.endpoint.paginator: unknown paginator "header_lnk"; did you mean "header_link"?',
      'resources.0.endpoint.parms: unknown key "parms"; did you mean "params"?',
      "resources.2.name: is missing; every resource needs a name",
      'resources.3.primry_key: unknown key "primry_key"; did you mean "primary_key"?',
      "resources.4: must be a path or an object",
    ]),
  );
  expect(problems.find(one => one.startsWith("resources.3.processing_steps"))).toMatch(
    /functions.*code source/,
  );
  expect(problems.some(one => one.startsWith("resource_defaults.write_disposition"))).toBe(true);
});

test.each<[string, JsonObject, string]>([
  ["twice", { client, resources: ["a", "a"] }, 'resources.1: a resource "a" is there already'],
  ["no resource", { client, resources: [] }, "resources: names no resource"],
  ["no client", { resources: ["a"] }, "client: must be an object"],
  [
    "no scheme",
    { client: { base_url: "h/x" }, resources: ["a"] },
    "client.base_url: must begin with http:// or https:// and a host",
  ],
  [
    "parent",
    withEndpoint({ path: "{resources.pp.id}" }),
    'resources.1: depends on the resource "pp", which does not exist; did you mean "p"?',
  ],
  [
    "two parents",
    { client, resources: ["a", "b", { name: "c", endpoint: "x/{resources.a.id}/{resources.b.id}" }] },
    "resources.2: depends on more than one resource (a, b); only one parent is possible",
  ],
  [
    "cycle",
    {
      client,
      resources: [
        { name: "a", endpoint: "{resources.b.id}" },
        { name: "b", endpoint: "{resources.a.id}" },
      ],
    },
    "resources.0: depends on itself: a -> b -> a",
  ],
  [
    "itself",
    { client, resources: [{ name: "a", endpoint: "{resources.a.id}" }] },
    "resources.0: depends on itself: a -> a",
  ],
  [
    "unbound",
    withEndpoint({ params: { x: { type: "resolve", resource: "p", field: "id" } } }),
    "resources.1.endpoint.params.x: is a resolve param, but the path has no {x}; in query params write {resources.<parent>.<field>}",
  ],
  [
    "param type",
    withEndpoint({ params: { x: { type: "resolv" } } }),
    'resources.1.endpoint.params.x.type: unknown type "resolv"; did you mean "resolve"?',
  ],
  [
    "missing static",
    withEndpoint({ path: "{org}/x", params: { q: 1 } }),
    "resources.1.endpoint.path: needs {org}, but there is no such param; valid: q, resources.<parent>.<field>, incremental.<value>",
  ],
  [
    "single brace",
    withEndpoint({ params: { q: "{x" } }),
    'resources.1.endpoint.params: a single "{" must be written "{{"',
  ],
  [
    "unknown name",
    withEndpoint({ json: { q: "{x}" } }),
    "resources.1.endpoint.json: {x} is not known: it must begin with resources.; literal braces are written {{ and }}",
  ],
  [
    "incremental name",
    withEndpoint({ params: { q: "{incremental.start}" }, incremental: { cursor_path: "id" } }),
    "resources.1.endpoint.params: unknown incremental value",
  ],
  [
    "incomplete",
    withEndpoint({ params: { q: "{resources.p}" } }),
    "resources.1.endpoint.params: {resources.p} is not complete; the form is {resources.<parent>.<field>}",
  ],
  [
    "include",
    withEndpoint({}, { include_from_parent: ["id"] }),
    "resources.1.include_from_parent: is given, but the resource does not depend on another one",
  ],
  [
    "limit",
    withEndpoint({ paginator: "offset" }),
    "resources.1.endpoint.paginator.limit: is missing; the offset paginator needs a whole number of rows per page",
  ],
  [
    "endless",
    withEndpoint({ paginator: { type: "page_number", total_path: null, stop_after_empty_page: false } }),
    "resources.1.endpoint.paginator: would never end: give one of total_path, maximum_page, has_more_path or stop_after_empty_page",
  ],
  [
    "both places",
    withEndpoint({ paginator: { type: "cursor", cursor_param: "a", cursor_body_path: "b" } }),
    "resources.1.endpoint.paginator: takes cursor_param or cursor_body_path, not both",
  ],
  [
    "foreign key",
    withEndpoint({ paginator: { type: "cursor", limit: 3 } }),
    'resources.1.endpoint.paginator.limit: unknown key "limit"',
  ],
  [
    "no type",
    withEndpoint({ paginator: { limit: 3 } }),
    "resources.1.endpoint.paginator.type: is missing; valid: auto, single_page",
  ],
  [
    "selector",
    withEndpoint({ data_selector: "a[" }),
    'resources.1.endpoint.data_selector: "a[" is not a valid JSONPath: it ends too early',
  ],
  [
    "cookie",
    withEndpoint({ auth: { type: "api_key", api_key: "k", location: "cookie" } }),
    "resources.1.endpoint.auth.location: cookie is not supported",
  ],
  [
    "short auth",
    { client: { ...client, auth: "http_basic" }, resources: ["a"] },
    'client.auth: "http_basic" needs its fields: write an object with type "http_basic"',
  ],
  [
    "method",
    withEndpoint({ method: "PSOT" }),
    'resources.1.endpoint.method: unknown method "PSOT"; did you mean "POST"?',
  ],
  [
    "action",
    withEndpoint({ response_actions: [{ status_code: 404, action: "ignor" }] }),
    'resources.1.endpoint.response_actions.0.action: unknown action "ignor"; did you mean "ignore"?',
  ],
  [
    "convert",
    withEndpoint({ incremental: { cursor_path: "id", convert: "x" } }),
    "resources.1.endpoint.incremental.convert: is a function in dlt, which a spec cannot say; leave it out",
  ],
  [
    "older end",
    withEndpoint({ params: { s: { type: "incremental", cursor_path: "id", end_value: 5 } } }),
    "resources.1.endpoint.params.s.end_value: is not possible in a param; write endpoint.incremental instead",
  ],
  [
    "json and data",
    withEndpoint({ json: { a: 1 }, data: { b: 1 } }),
    "resources.1.endpoint.data: cannot be sent together with json; use one of them",
  ],
  [
    "nested columns",
    withEndpoint({}, { nested_hints: { lines: { columns: [{ name: "a" }] } } }),
    "resources.1.nested_hints.lines.columns: must be an object of columns here, not a list (as in dlt)",
  ],
])("%s", (_, config, message) => {
  expect(problemsOf(config)).toEqual([expect.stringContaining(message)]);
});

test("a secret may be a reference wherever a text may stand; a path may not", () => {
  const env = { env: "NAME" };
  const config = {
    client: {
      base_url: env,
      headers: { a: env },
      auth: { type: "http_basic", username: env, password: env },
    },
    resources: [{ name: "a", endpoint: { params: { key: env }, json: { token: env } } }],
  };
  expect(problemsOf(config)).toEqual([]);
  expect(problemsOf(withEndpoint({ path: env }))).toEqual(["resources.1.endpoint.path: must be a text"]);
});

test("parents stand before children, level by level, in dlt's order", async () => {
  const source = await createSource({
    client,
    resources: [
      { name: "d", endpoint: "{resources.c.id}" },
      "a",
      { name: "c", endpoint: "{resources.b.id}" },
      "b",
    ],
  });
  expect(source.resources.map(one => [one.name, one.parent])).toEqual([
    ["a", undefined],
    ["b", undefined],
    ["c", "b"],
    ["d", "c"],
  ]);
});

test("hints: defaults merge, columns per column, written forms become one", async () => {
  const source = await createSource({
    client,
    resource_defaults: {
      write_disposition: "merge",
      primary_key: "id",
      columns: { a: { nullable: false }, b: { data_type: "text" } },
    },
    resources: [
      {
        name: "r",
        columns: [{ name: "a", data_type: "bigint" }],
        schema_contract: "freeze",
        max_table_nesting: 0,
        selected: false,
      },
      {
        name: "s",
        primary_key: null,
        write_disposition: { disposition: "merge", strategy: "scd2" },
        endpoint: { incremental: { cursor_path: "u", last_value_func: "min", lag: 3 } },
      },
    ],
  });
  const [r, s] = source.resources;
  expect(r!.selected).toBe(false);
  expect(r!.hints).toEqual({
    write_disposition: { disposition: "merge" },
    primary_key: ["id"],
    columns: [
      { name: "b", data_type: "text" },
      { name: "a", nullable: false, data_type: "bigint" },
    ],
    schema_contract: "freeze",
    max_table_nesting: 0,
  });
  expect(s!.hints.write_disposition).toEqual({ disposition: "merge", strategy: "scd2" });
  expect(s!.hints.primary_key).toBeUndefined();
  expect(s!.incremental).toMatchObject({
    cursor_path: "u",
    last_value_func: "min",
    lag: 3,
    range_start: "closed",
  });
});
