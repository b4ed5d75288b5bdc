/** What `client` takes besides dlt's keys, and what a worker's surroundings do to a source. */

import { beginLoad } from "../../../src/load/begin-load";
import type { JsonObject } from "../../../src/pipeline/spec";
import { restApi } from "../../../src/sources/rest-api";
import { literalSecrets } from "../../../src/spec/secrets";
import { Engine } from "../../support/engine";
import { surroundings } from "../../support/surroundings";
import { closeServers, NETWORK, serve, serveProxy } from "../http/servers";
import { specOf, take } from "./harness";

afterEach(closeServers);

function problemsOf(client: JsonObject): string[] {
  const found = restApi.check(specOf({ client: { base_url: "http://h", ...client }, resources: ["r"] }));
  return found.map(({ path, message }) => `${path.join(".")}: ${message}`);
}

test.each<[JsonObject]>([
  [{ verify: true }],
  [{ verify: false }],
  [{ verify: "ca.pem" }],
  [{ verify: { env: "CA" } }],
  [{ cert: "both.pem" }],
  [{ cert: ["a.pem", { env: "KEY" }] }],
  [{ proxies: { https: { env: "PROXY" }, http: null, no_proxy: "h" } }],
  [{ max_concurrent_requests: 2, requests_per_second: 0.5 }],
  [
    {
      verify: null,
      cert: null,
      proxies: null,
      max_concurrent_requests: null,
      requests_per_second: null,
      session: null,
    },
  ],
])("%j is taken", client => {
  expect(problemsOf(client)).toEqual([]);
});

test.each<[JsonObject, RegExp]>([
  [{ verify: 1 }, /^client.verify: must be true, false, or a PEM file/],
  [{ cert: ["a"] }, /^client.cert: must be a PEM file with key and certificate, or a list of two/],
  [{ proxies: "http://p" }, /^client.proxies: /],
  [{ max_concurrent_requests: 0 }, /^client.max_concurrent_requests: must be at least 1/],
  [{ max_concurrent_requests: 1.5 }, /^client.max_concurrent_requests: must be a whole number/],
  [{ requests_per_second: 0 }, /^client.requests_per_second: must be more than 0/],
  [{ requests_per_seconds: 1 }, /did you mean "requests_per_second"/],
  [{ session: {} }, /^client.session: is an object of Python's in dlt; write .*verify, cert, proxies/],
])("%j is refused", (client, told) => {
  expect(problemsOf(client)).toEqual([expect.stringMatching(told)]);
});

test("passwords of proxies and keys are secrets; paths and addresses are none", () => {
  const document = {
    client: {
      base_url: "http://h",
      proxies: { https: "http://user:planted@p.test:1", http: "user:planted@p.test:1", all: "http://p:1" },
      cert: ["client.pem", `-----BEGIN ${"PRIVATE"} KEY-----`],
    },
    resources: ["r"],
  };
  const pointers = restApi.secretPointers(specOf(document));
  expect(literalSecrets(document as unknown as JsonObject, pointers)).toEqual([
    "/client/proxies/https",
    "/client/proxies/http",
    "/client/cert/1",
  ]);
});

test("verify: false is a warning of every run", async () => {
  const config = { client: { base_url: "https://h", verify: false }, resources: ["r"] };
  expect((await restApi.create(specOf(config))).warnings).toEqual([
    expect.stringMatching(/^source\.client\.verify is false: no certificate is checked/),
  ]);
  expect(
    (await restApi.create(specOf({ ...config, client: { base_url: "https://h" } }))).warnings,
  ).toBeUndefined();
});

test("a proxy of the environment is used by a source, one of the spec before it", async () => {
  const base = await serve((_, response) => response.end('[{"id":1}]'));
  const [first, second] = [await serveProxy(), await serveProxy()];
  const network = { ...NETWORK, proxies: { http: first.url } };
  for (const client of [
    { base_url: base } as JsonObject,
    { base_url: base, proxies: { http: second.url } },
  ]) {
    const source = await restApi.create(specOf({ client, resources: ["r"] }), surroundings({ network }));
    expect((await take(source.resources[0]!)).rows).toEqual([{ id: 1 }]);
  }
  expect([first.log.length, second.log.length]).toEqual([1, 1]);
});

test("a secret behind a reference stays with its host, whatever its header is called", async () => {
  const seen: unknown[] = [];
  const other = await serve((request, response) => {
    seen.push(request.headers["x-shop"], request.headers["x-api-key"], request.url);
    response.end("[]");
  }, "127.0.0.2");
  const base = await serve((request, response) => {
    response.writeHead(302, { Location: `${other}/moved?${request.url!.split("?")[1]}` }).end();
  });
  const auth = { type: "api_key", name: "key", api_key: "planted2", location: "query" };
  const config = {
    client: { base_url: base, headers: { "X-Shop": "planted1", "X-API-Key": "planted3" }, auth },
    resources: [{ name: "r", endpoint: { path: "r", params: { page: 1 }, paginator: "single_page" } }],
  };
  const source = await restApi.create(
    specOf(config),
    surroundings({ network: NETWORK, secrets: ["planted1"] }),
  );
  await take(source.resources[0]!);
  expect(seen).toEqual([undefined, undefined, "/moved?page=1"]);
});

test("resources of one source share their pace", async () => {
  const count = { now: 0, highest: 0 };
  const base = await serve((_, response) => {
    count.highest = Math.max(count.highest, ++count.now);
    setTimeout(() => {
      count.now--;
      response.end("[]");
    }, 30);
  });
  const config = {
    client: { base_url: base, max_concurrent_requests: 1 },
    resources: ["a", "b", "c", "d"],
  };
  // Each extraction builds the source anew, as a worker does.
  const extract = async (i: number) => take((await restApi.create(specOf(config))).resources[i]!);
  await Promise.all([0, 1, 2, 3].map(extract));
  expect(count.highest).toBe(1);
});

test("parallelized as in dlt: of a resource, of resource_defaults, of the source; not by default", async () => {
  const plans = async (more: JsonObject) => {
    const config = {
      client: { base_url: "http://h" },
      resources: ["a", { name: "b", parallelized: true }, { name: "c", parallelized: false }],
      ...more,
    };
    const source = await restApi.create(specOf(config));
    const engine = new Engine();
    const spec = engine.spec({ source: specOf(config) });
    const begun = await beginLoad({ ...engine.use(), spec, source, root: engine.root, now: engine.now });
    engine.remove();
    return begun.resources.map(one => one.parallelized);
  };
  expect(await plans({})).toEqual([false, true, false]);
  expect(await plans({ resource_defaults: { parallelized: true } })).toEqual([true, true, false]);
  expect(await plans({ parallelized: true })).toEqual([true, true, true]);
});
