import type { JsonObject } from "../../../src/pipeline/spec";
import { type CaseRoute, CaseServer } from "../../support/case-server";
import { createSource, runAll, take } from "./harness";

let server: CaseServer;
beforeAll(async () => {
  server = await CaseServer.start();
});
afterAll(() => server.close());

const ids = (...values: number[]) => values.map(id => ({ id }));

interface Case {
  name: string;
  client?: JsonObject;
  endpoint?: JsonObject;
  routes: CaseRoute[];
  rows: number[];
  log: string[];
}

const at = (
  query: CaseRoute["query"],
  json: unknown,
  headers?: CaseRoute["responses"][0]["headers"],
): CaseRoute => ({
  path: "/rows",
  query,
  responses: [{ json, headers }],
});

const CASES: Case[] = [
  {
    name: "single_page",
    client: { paginator: "single_page" },
    routes: [at({}, { data: ids(1, 2), next: "{{BASE}}/rows?page=2" })],
    rows: [1, 2],
    log: ["GET /rows"],
  },
  {
    name: "json_link, relative, dropping the params",
    endpoint: { params: { q: "a b" }, paginator: { type: "json_link", next_url_path: "paging.next" } },
    routes: [
      at({ q: "a b" }, { data: ids(1), paging: { next: "?page=2" } }),
      at({ page: "2", q: null }, { data: ids(2), paging: { next: "/rows?page=3" } }),
      at({ page: "3" }, { data: ids(3), paging: { next: null } }),
    ],
    rows: [1, 2, 3],
    log: ["GET /rows?q=a b", "GET /rows?page=2", "GET /rows?page=3"],
  },
  {
    name: "json_response, the old name",
    endpoint: { paginator: "json_response" },
    routes: [
      at({ page: null }, { data: ids(1), next: "{{BASE}}/rows?page=2" }),
      at({ page: 2 }, { data: ids(2) }),
    ],
    rows: [1, 2],
    log: ["GET /rows", "GET /rows?page=2"],
  },
  {
    name: "header_link",
    endpoint: { paginator: "header_link" },
    routes: [
      at({ page: null }, ids(1), {
        Link: '<{{BASE}}/rows?page=0>; rel="prev", <{{BASE}}/rows?page=2>; rel="next"',
      }),
      at({ page: "2" }, ids(2), { Link: '<{{BASE}}/rows>; rel="first"' }),
    ],
    rows: [1, 2],
    log: ["GET /rows", "GET /rows?page=2"],
  },
  {
    name: "header_cursor",
    endpoint: { paginator: { type: "header_cursor", cursor_key: "X-Next", cursor_param: "after" } },
    routes: [at({ after: null }, ids(1), { "x-next": "c=2" }), at({ after: "c=2" }, ids(2))],
    rows: [1, 2],
    log: ["GET /rows", "GET /rows?after=c=2"],
  },
  {
    name: "cursor, 64 bits and a whole float",
    endpoint: { paginator: { type: "cursor", cursor_path: "next" } },
    routes: [
      {
        path: "/rows",
        query: { cursor: null },
        responses: [{ raw: '{"d":[{"id":1}],"next":9007199254740993}' }],
      },
      {
        path: "/rows",
        query: { cursor: "9007199254740993" },
        responses: [{ raw: '{"d":[{"id":2}],"next":3.0}' }],
      },
      { path: "/rows", query: { cursor: "3.0" }, responses: [{ raw: '{"d":[{"id":3}],"next":""}' }] },
    ],
    rows: [1, 2, 3],
    log: ["GET /rows", "GET /rows?cursor=9007199254740993", "GET /rows?cursor=3.0"],
  },
  {
    name: "cursor in the body, with has_more",
    endpoint: {
      method: "POST",
      json: { q: "x" },
      paginator: { type: "cursor", cursor_path: "c", cursor_body_path: "page.after", has_more_path: "more" },
    },
    routes: [
      {
        path: "/rows",
        json: { page: { after: "k" } },
        responses: [{ json: { d: ids(2), c: "l", more: "no" } }],
      },
      { path: "/rows", responses: [{ json: { d: ids(1), c: "k", more: true } }] },
    ],
    rows: [1, 2],
    log: ['POST /rows {"q": "x"}', 'POST /rows {"page": {"after": "k"}, "q": "x"}'],
  },
  {
    name: "offset counts by limit, not by rows; total as text",
    endpoint: { paginator: { type: "offset", limit: 2 } },
    routes: [
      at({ offset: 0, limit: 2 }, { data: ids(1), total: "3" }),
      at({ offset: 2 }, { data: ids(2), total: "3" }),
    ],
    rows: [1, 2],
    log: ["GET /rows?limit=2&offset=0", "GET /rows?limit=2&offset=2"],
  },
  {
    name: "offset without total ends with the empty page",
    endpoint: {
      paginator: { type: "offset", limit: 1, total_path: null, offset_param: "o", limit_param: "l" },
    },
    routes: [at({ o: 0 }, ids(1)), at({ o: 1 }, ids(2)), at({ o: 2 }, [])],
    rows: [1, 2],
    log: ["GET /rows?l=1&o=0", "GET /rows?l=1&o=1", "GET /rows?l=1&o=2"],
  },
  {
    name: "offset and limit in the body, up to maximum_offset",
    endpoint: {
      method: "post",
      paginator: {
        type: "offset",
        limit: 1,
        total_path: null,
        maximum_offset: 2,
        offset_body_path: "p.o",
        limit_body_path: "p.l",
      },
    },
    routes: [
      { path: "/rows", json: { p: { o: 0, l: 1 } }, responses: [{ json: ids(1) }] },
      { path: "/rows", json: { p: { o: 1, l: 1 } }, responses: [{ json: ids(2) }] },
    ],
    rows: [1, 2],
    log: ['POST /rows {"p": {"l": 1, "o": 0}}', 'POST /rows {"p": {"l": 1, "o": 1}}'],
  },
  {
    name: "page_number: total is the number of pages, base_page counts",
    endpoint: { paginator: { type: "page_number", base_page: 1, total_path: "pages" } },
    routes: [at({ page: 1 }, { data: ids(1), pages: 2 }), at({ page: 2 }, { data: ids(2), pages: 2 })],
    rows: [1, 2],
    log: ["GET /rows?page=1", "GET /rows?page=2"],
  },
  {
    name: "page_number: maximum_page is exclusive",
    endpoint: {
      paginator: { type: "page_number", page: 5, maximum_page: 7, total_path: null, page_param: "p" },
    },
    routes: [at({ p: 5 }, ids(1)), at({ p: 6 }, ids(2))],
    rows: [1, 2],
    log: ["GET /rows?p=5", "GET /rows?p=6"],
  },
  {
    name: "auto: Link header",
    routes: [at({ p: null }, ids(1), { Link: "<{{BASE}}/rows?p=2>; rel=next" }), at({ p: 2 }, ids(2))],
    rows: [1, 2],
    log: ["GET /rows", "GET /rows?p=2"],
  },
  {
    name: "auto: next link in an object",
    endpoint: { paginator: "auto" },
    routes: [
      at({ p: null }, { links: { next: { href: "/rows?p=2" } }, items: ids(1) }),
      at({ p: 2 }, { links: { next: null }, items: ids(2) }),
    ],
    rows: [1, 2],
    log: ["GET /rows", "GET /rows?p=2"],
  },
  {
    name: "auto: total_pages counts from page 0, so the second request is page 1",
    routes: [
      at({ page: null }, { total_pages: 2, items: ids(1) }),
      at({ page: 1 }, { total_pages: 2, items: ids(2) }),
    ],
    rows: [1, 2],
    log: ["GET /rows", "GET /rows?page=1"],
  },
  {
    name: "auto: a next key that is no link is a cursor",
    routes: [
      at({ cursor: null }, { next_token: "t", items: ids(1) }),
      at({ cursor: "t" }, { items: ids(2) }),
    ],
    rows: [1, 2],
    log: ["GET /rows", "GET /rows?cursor=t"],
  },
  {
    name: "auto: nothing found",
    routes: [at({}, ids(1))],
    rows: [1],
    log: ["GET /rows"],
  },
];

function configOf(one: Case): JsonObject {
  return {
    client: { base_url: server.base, ...one.client },
    resources: [{ name: "rows", endpoint: { path: "rows", ...one.endpoint } }],
  };
}

test.each(CASES)("$name", async one => {
  server.setPhase({ routes: one.routes });
  const { rows } = await runAll(configOf(one));
  expect(rows!.map(row => row.id)).toEqual(one.rows);
  expect(server.log).toEqual(one.log);
});

const LONGER = CASES.filter(one => one.log.length > 1);
test.each(LONGER)("resume after every page: $name", async one => {
  const [resource] = (await createSource(configOf(one))).resources;
  for (let pages = 1; pages < one.log.length; pages++) {
    server.setPhase({ routes: one.routes });
    const before = await take(resource!, {}, pages);
    expect(server.log).toEqual(one.log.slice(0, pages));
    server.log.length = 0;
    const after = await take(resource!, { resume: before.resume });
    expect(server.log).toEqual(one.log.slice(pages));
    expect([...before.rows, ...after.rows].map(row => row.id)).toEqual(one.rows);
  }
  // After the last page nothing is left to do.
  server.setPhase({ routes: one.routes });
  const whole = await take(resource!);
  server.log.length = 0;
  expect((await take(resource!, { resume: whole.resume })).rows).toEqual([]);
  expect(server.log).toEqual([]);
});

const BAD: [string, JsonObject, unknown, string][] = [
  ["no total", { type: "offset", limit: 1 }, { data: ids(1) }, 'total_path "total" is not in the response'],
  [
    "total is no number",
    { type: "page_number" },
    { data: ids(1), total: "many" },
    "does not hold a whole number of pages",
  ],
  [
    "no has_more",
    { type: "cursor", cursor_path: "c", has_more_path: "m" },
    { c: "x" },
    'has_more_path "m" is not in the response',
  ],
  [
    "next link is a number",
    { type: "json_link" },
    { data: ids(1), next: 5 },
    'next_url_path "next" holds no URL',
  ],
];
test.each(BAD)("%s is told", async (_, paginator, json, message) => {
  server.setPhase({ routes: [{ path: "/rows", responses: [{ json }] }] });
  const config = {
    client: { base_url: server.base },
    resources: [{ name: "rows", endpoint: { paginator } }],
  };
  await expect(runAll(config)).rejects.toMatchObject({
    code: "SOURCE_BAD_RESPONSE",
    message: expect.stringContaining(message),
  });
  await expect(runAll(config)).rejects.toThrow('Resource "rows" (GET rows)');
});
