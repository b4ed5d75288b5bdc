/** The reference is what the shapes say: `npm run reference` writes it anew. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DESTINATION_TYPES } from "../../../src/destinations/registry";
import { SOURCE_TYPES } from "../../../src/sources/registry";
import { checkSpec } from "../../../src/spec/check-spec";
import { parseSpecText } from "../../../src/spec/load-spec";
import { pipelineSchema, specPage } from "../../../src/spec/spec-reference";

const ROOT = join(__dirname, "../../..");
const read = (...names: string[]) => readFileSync(join(ROOT, ...names), "utf8");

test("docs/spec.md and the JSON Schema are up to date (npm run reference)", () => {
  expect(read("docs", "spec.md")).toBe(specPage());
  expect(JSON.parse(read("schema", "pipeline.schema.json"))).toEqual(
    JSON.parse(JSON.stringify(pipelineSchema())),
  );
});

/** Keys that say nothing of what they are for. */
function silentKeys(node: unknown, path: string): string[] {
  if (Array.isArray(node)) return node.flatMap(one => silentKeys(one, path));
  if (node === null || typeof node !== "object") return [];
  const { properties = {}, ...rest } = node as { properties?: { [key: string]: { description?: string } } };
  return [
    ...Object.entries(properties).flatMap(([key, inner]) => [
      ...(inner.description ? [] : [`${path}.${key}`]),
      ...silentKeys(inner, `${path}.${key}`),
    ]),
    ...Object.values(rest).flatMap(one => silentKeys(one, path)),
  ];
}

test("no key without a word on what it is for; the examples are specs without a problem", () => {
  expect(silentKeys(pipelineSchema(), "spec")).toEqual([]);
  expect(silentKeys({ properties: { a: { items: { properties: { b: {} } } } } }, "spec")).toHaveLength(2);
  const check = (text: string) => checkSpec(parseSpecText(text) as never);
  for (const { type, example = "" } of SOURCE_TYPES) {
    expect([type, parseSpecText(example), check(example)]).toEqual([
      type,
      expect.objectContaining({ source: expect.objectContaining({ type }) }),
      [],
    ]);
  }
  for (const { type, example = "" } of DESTINATION_TYPES) {
    expect([type, check(`${example}\n${SOURCE_TYPES[0]!.example}`)]).toEqual([type, []]);
    expect(example).toContain(`type: ${type}`);
  }
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
