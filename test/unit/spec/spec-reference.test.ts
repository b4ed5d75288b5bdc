/** The reference is what the shapes say: `npm run reference` writes it anew. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkSpec } from "../../../src/spec/check-spec";
import { parseSpecText } from "../../../src/spec/load-spec";
import { DESTINATION_EXAMPLES, SOURCE_EXAMPLES } from "../../../src/spec/spec-examples";
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
  const sources = Object.entries(SOURCE_EXAMPLES);
  expect(sources.map(([type, text]) => [type, check(text)])).toEqual(sources.map(([type]) => [type, []]));
  const [, rest] = sources[0]!;
  const destinations = Object.values(DESTINATION_EXAMPLES);
  expect(destinations.flatMap(text => check(`${text}\n${rest}`))).toEqual([]);
  const { source, destination } = pipelineSchema().properties!;
  const titles = [...source!.oneOf!, ...destination!.anyOf!].flatMap(({ title }) => title ?? []);
  expect([...sources.map(([type]) => type), ...Object.keys(DESTINATION_EXAMPLES)].sort()).toEqual(
    titles.sort(),
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
