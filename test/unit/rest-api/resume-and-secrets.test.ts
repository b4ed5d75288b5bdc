import type { JsonObject } from "../../../src/pipeline/spec";
import { restApi } from "../../../src/sources/rest-api";
import { type CaseRoute, CaseServer } from "../../support/case-server";
import { batches, createSource, options, specOf, take } from "./harness";

let server: CaseServer;
beforeAll(async () => {
  server = await CaseServer.start();
});
afterAll(() => server.close());

const KEY = "k y/planted";

function childConfig(): JsonObject {
  return {
    client: { base_url: server.base },
    resources: [
      "p",
      {
        name: "c",
        endpoint: {
          path: "p/{resources.p.id}/c",
          response_actions: [{ status_code: 404, action: "ignore" }],
        },
        include_from_parent: ["name"],
      },
    ],
  };
}

// Parent 2 has nothing (404, ignored); 1 is one page; 3 has three pages by a detected link.
const CHILD_ROUTES: CaseRoute[] = [
  { path: "/p/1/c", responses: [{ json: [{ v: 1 }] }] },
  {
    path: "/p/3/c",
    query: { page: null },
    responses: [{ json: { rows: [{ v: 2 }], other: [9], next: "/p/3/c?page=2" } }],
  },
  {
    path: "/p/3/c",
    query: { page: 2 },
    responses: [{ json: { rows: [{ v: 3 }], other: [9], next: "/p/3/c?page=3" } }],
  },
  { path: "/p/3/c", query: { page: 3 }, responses: [{ json: { rows: [], other: [9], next: null } }] },
  { path: "/p/4/c", responses: [{ json: [{ v: 4 }] }] },
];
const PARENTS = [1, 2, 3, 4].map(id => ({ id, name: `n${id}` }));
const CHILD_LOG = ["/p/1/c", "/p/2/c", "/p/3/c", "/p/3/c?page=2", "/p/3/c?page=3", "/p/4/c"].map(
  path => `GET ${path}`,
);

test("a dependent resource goes on after any page: finished parents are not asked again", async () => {
  const child = (await createSource(childConfig())).resources[1]!;
  for (let pages = 1; pages <= CHILD_LOG.length; pages++) {
    server.setPhase({ routes: CHILD_ROUTES });
    const before = await take(child, { parentRows: batches(PARENTS) }, pages);
    expect(server.log).toEqual(CHILD_LOG.slice(0, pages));
    server.log.length = 0;
    const after = await take(child, { parentRows: batches(PARENTS, 3), resume: before.resume });
    expect(server.log).toEqual(CHILD_LOG.slice(pages));
    expect([...before.rows, ...after.rows]).toEqual([
      { v: 1, _p_name: "n1" },
      { v: 2, _p_name: "n3" },
      { v: 3, _p_name: "n3" },
      { v: 4, _p_name: "n4" },
    ]);
  }
});

test("the parent's rows must have the fields; the message names fields, never values", async () => {
  const child = (await createSource(childConfig())).resources[1]!;
  server.setPhase({ routes: CHILD_ROUTES });
  const run = take(child, { parentRows: batches([{ key: "planted-value" }]) });
  await expect(run).rejects.toMatchObject({
    code: "SOURCE_BAD_RESPONSE",
    message: expect.stringContaining("fields: key"),
  });
  await expect(take(child, { parentRows: batches([{ key: "planted-value" }]) })).rejects.toThrow(
    /^((?!planted).)*$/s,
  );
});

test("a key in the query is sent with every page, and a place to resume never holds it, even when the server repeats it", async () => {
  const next = `/rows?page=2&key=${encodeURIComponent(KEY)}&again=k+y%2Fplanted`;
  server.setPhase({
    routes: [
      {
        path: "/rows",
        query: { page: "2", key: KEY, again: KEY },
        responses: [{ json: { data: [{ id: 2 }] } }],
      },
      { path: "/rows", query: { key: KEY }, responses: [{ json: { data: [{ id: 1 }], next } }] },
    ],
  });
  const auth = { type: "api_key", api_key: KEY, name: "key", location: "query" };
  const config = {
    client: { base_url: server.base, auth },
    resources: [{ name: "rows", endpoint: { paginator: "json_link" } }],
  };
  const [resource] = (await createSource(config)).resources;
  const first = await take(resource!, {}, 1);
  expect(JSON.stringify(first.resume)).not.toMatch(/planted|k y|k%20y|k\+y/);
  const second = await take(resource!, { resume: first.resume });
  expect(server.log).toHaveLength(2);
  expect(second.rows).toEqual([{ id: 2 }]);
});

test("a token is fetched once per open resource, again when expired, and never shown", async () => {
  const auth = {
    type: "oauth2_client_credentials",
    access_token_url: `${server.base}/token`,
    client_id: "cid1",
    client_secret: "planted",
  };
  const config = { client: { base_url: server.base, auth }, resources: ["rows"] };
  server.setPhase({
    routes: [{ path: "/token", method: "POST", responses: [{ status: 400, json: { error: "planted" } }] }],
  });
  const [resource] = (await createSource(config)).resources;
  await expect(take(resource!)).rejects.toMatchObject({
    code: "HTTP_UNAUTHORIZED",
    message:
      'Resource "rows" (GET rows): the token request (access_token_url) was refused. Check client_id, client_secret and access_token_request_data.',
  });
  server.setPhase({ routes: [{ path: "/token", responses: [{ json: { expires_in: 60 } }] }] });
  await expect(take(resource!)).rejects.toThrow("answered without an access_token");
});

test("401 names the resource and where its credentials stand", async () => {
  server.setPhase({ routes: [{ path: "/rows", responses: [{ status: 401 }] }] });
  const config = {
    client: { base_url: server.base, auth: { token: "planted" } },
    resources: [{ name: "rows", endpoint: "rows?key=planted" }],
  };
  const [resource] = (await createSource(config)).resources;
  await expect(take(resource!)).rejects.toMatchObject({
    code: "HTTP_UNAUTHORIZED",
    message:
      'Resource "rows" (GET rows) answered 401 Unauthorized. Check the credentials in client.auth (bearer): refused, or without the right to read this.',
  });
});

test("a body that is not JSON is told with its kind, not its text", async () => {
  server.setPhase({
    routes: [
      { path: "/rows", responses: [{ raw: "<p>planted</p>", headers: { "Content-Type": "text/html" } }] },
    ],
  });
  const [resource] = (await createSource({ client: { base_url: server.base }, resources: ["rows"] }))
    .resources;
  const run = take(resource!);
  await expect(run).rejects.toMatchObject({
    code: "HTTP_BAD_JSON",
    message: expect.stringMatching(/^Resource "rows".*text\/html/),
  });
  await expect(run).rejects.toThrow(/^((?!planted).)*$/s);
});

test("where secrets may stand", () => {
  const spec = specOf({
    client: {
      base_url: "https://u:p@h",
      headers: { "X-Api-Key": "k", Authorization: { env: "A" }, Accept: "json" },
      auth: { type: "http_basic", username: "u", password: { env: "P" } },
    },
    resource_defaults: { endpoint: { params: { token: "t", page: 1 } } },
    resources: [
      "plain",
      {
        name: "a",
        endpoint: {
          path: "a?api_key=x",
          auth: { token: "t" },
          json: { deep: { client_secret: "s" }, key: "{resources.plain.id}" },
        },
      },
    ],
  });
  expect(restApi.secretPointers(spec).sort()).toEqual([
    "/client/auth/password",
    "/client/auth/username",
    "/client/base_url",
    "/client/headers/Authorization",
    "/client/headers/X-Api-Key",
    "/resource_defaults/endpoint/params/token",
    "/resources/1/endpoint/auth/token",
    "/resources/1/endpoint/json/deep/client_secret",
    "/resources/1/endpoint/path",
  ]);
});

test("secrets that are missing are told, with the variable to set", () => {
  const spec = specOf({ client: { base_url: "http://h", auth: "bearer" }, resources: ["a"] });
  expect(() => restApi.create(spec)).toThrow(
    expect.objectContaining({
      code: "SECRET_MISSING",
      message: expect.stringContaining("SOURCES__REST_API__API__CREDENTIALS__TOKEN"),
    }),
  );
});

test("leaving early frees the connection", async () => {
  server.setPhase({
    routes: [{ path: "/rows", responses: [{ json: { data: [{ id: 1 }], next: "/rows" } }] }],
  });
  const [resource] = (await createSource({ client: { base_url: server.base }, resources: ["rows"] }))
    .resources;
  const pages = resource!.open(options())[Symbol.asyncIterator]();
  await pages.next();
  await pages.return!();
  expect(server.log).toHaveLength(1);
});
