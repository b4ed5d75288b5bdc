/** The reference is what the shapes say: `npm run reference` writes it anew. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pipelineSchema, specPage } from "../../../src/spec/spec-reference";

const ROOT = join(__dirname, "../../..");
const read = (...names: string[]) => readFileSync(join(ROOT, ...names), "utf8");

test("docs/spec.md and the JSON Schema are up to date (npm run reference)", () => {
  expect(read("docs", "spec.md")).toBe(specPage());
  expect(JSON.parse(read("schema", "pipeline.schema.json"))).toEqual(
    JSON.parse(JSON.stringify(pipelineSchema())),
  );
});

test("keys that stood in no page before are there", () => {
  const page = specPage();
  for (const key of [
    "transform.dbt.select",
    "schema_contract",
    "resource_hints",
    "gate.metrics",
    "client.paginator",
  ]) {
    expect(page).toContain(`\`${key}`);
  }
});
