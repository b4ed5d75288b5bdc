/**
 * Requests and rows of real dlt 1.31.0 (extract step only) for the same configs and routes, recorded; see
 * dlt-cases.json. Order of requests between resources is dlt's round robin, so logs are compared sorted, and so are
 * rows of the one case that has three levels.
 */
import { parseJson } from "../../../src/json/parse";
import { orjsonText } from "../../../src/json/print";
import type { Row, Value } from "../../../src/json/values";
import type { JsonObject } from "../../../src/pipeline/spec";
import { type CaseRoute, CaseServer } from "../../support/case-server";
import table from "./dlt-cases.json";
import { batches, createSource, take } from "./harness";

interface DltCase {
  name: string;
  config: JsonObject;
  routes: CaseRoute[];
  dlt: { log: string[]; fails?: boolean; rows?: string };
}

let server: CaseServer;
beforeAll(async () => {
  server = await CaseServer.start();
});
afterAll(() => server.close());

function fill(config: JsonObject): JsonObject {
  const host = server.base.replace("http://", "");
  const text = JSON.stringify(config).replaceAll("{{BASE}}", server.base).replaceAll("{{HOST}}", host);
  return JSON.parse(text) as JsonObject;
}

async function run(config: JsonObject): Promise<{ [resource: string]: string[] }> {
  const source = await createSource(config);
  const all: { [resource: string]: Row[] } = {};
  const loaded: { [resource: string]: string[] } = {};
  for (const resource of source.resources) {
    const { incremental, parent } = resource;
    const { rows } = await take(resource, {
      parentRows: parent === undefined ? undefined : batches(all[parent]!),
      incremental: incremental && {
        config: incremental,
        start_value: incremental.initial_value as Value | undefined,
        initial_value: incremental.initial_value as Value | undefined,
        end_value: incremental.end_value as Value | undefined,
      },
    });
    all[resource.name] = rows;
    if (resource.selected && rows.length > 0) loaded[resource.name] = rows.map(row => orjsonText(row));
  }
  return loaded;
}

test.each(table as unknown as DltCase[])("$name", async one => {
  server.setPhase({ routes: one.routes });
  const result = run(fill(one.config));
  if (one.dlt.fails) await expect(result).rejects.toMatchObject({ kind: "terminal" });
  else {
    const expected = parseJson(one.dlt.rows!) as { [resource: string]: Value[] };
    const texts = Object.entries(expected).map(([name, rows]) => [
      name,
      rows.map(row =>
        orjsonText(row !== null && typeof row === "object" && !Array.isArray(row) ? row : { value: row }),
      ),
    ]);
    const sorted = (rows: { [resource: string]: string[] }) =>
      one.name === "three levels"
        ? Object.fromEntries(Object.entries(rows).map(([name, list]) => [name, [...list].sort()]))
        : rows;
    expect(sorted(await result)).toEqual(sorted(Object.fromEntries(texts)));
  }
  expect([...server.log].sort()).toEqual(one.dlt.log);
});
