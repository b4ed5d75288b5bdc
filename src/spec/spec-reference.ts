/**
 * The reference of pipeline specs, from the shapes that check them: a JSON Schema, by which editors complete, and the page
 * docs/spec.md. `npm run reference` writes both; a test holds that they are up to date.
 */
import { z } from "zod";
import { DESTINATION_TYPES } from "../destinations/registry";
import { SOURCE_TYPES } from "../sources/registry";
import { appliedHintsShape } from "../sources/resource-hints";
import { pipelineShape } from "./check-spec";

interface Node {
  type?: string | string[];
  description?: string;
  default?: unknown;
  enum?: unknown[];
  const?: unknown;
  properties?: { [key: string]: Node };
  required?: string[];
  items?: Node;
  anyOf?: Node[];
  oneOf?: Node[];
  additionalProperties?: Node | boolean;
  [key: string]: unknown;
}

/** JSON Schema (2020-12) of a spec file: keys and kinds. What needs more than that, `tidemark check` tells. */
export function pipelineSchema(): Node {
  const whole = toSchema(pipelineShape);
  const { properties = {} } = whole;
  const sources = SOURCE_TYPES.flatMap(({ type, shape }) =>
    shape === undefined ? [] : [typed(type, toSchema(shape))],
  );
  const destinations = DESTINATION_TYPES.map(({ type, shape }) => typed(type, toSchema(shape)));
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Tidemark pipeline",
    ...whole,
    properties: {
      ...properties,
      source: { ...described(properties.source), oneOf: sources },
      destination: {
        ...described(properties.destination),
        anyOf: [{ type: "string", enum: DESTINATION_TYPES.map(({ type }) => type) }, ...destinations],
      },
    },
    // Where anchors may stand.
    patternProperties: { "^x-": {} },
  };
}

function toSchema(shape: z.ZodType): Node {
  const { $schema, ...schema } = z.toJSONSchema(shape, { io: "input", unrepresentable: "any" }) as Node;
  return schema;
}

function typed(type: string, { properties, required = [], ...schema }: Node): Node {
  return {
    title: type,
    ...schema,
    properties: { ...properties, type: { const: type, description: "Which one this is" } },
    required: [...new Set(["type", ...required])],
  };
}

function described(node: Node | undefined): Node {
  return node?.description === undefined ? {} : { description: node.description };
}

/** docs/spec.md */
export function specPage(): string {
  const schema = pipelineSchema();
  const { source, destination, ...top } = schema.properties!;
  return [
    "# Pipeline specs: every key",
    "",
    "Written by `npm run reference` from the shapes that check specs. Editors complete by the same: begin a YAML file with",
    "",
    "```yaml",
    "# yaml-language-server: $schema=./node_modules/tidemark/schema/pipeline.schema.json",
    "```",
    "",
    "`tidemark check` tells every problem of a spec, `tidemark show <pipeline>` a spec with every default filled in.",
    "",
    "## The pipeline",
    "",
    ...table({
      properties: { ...top, source: { ...source, type: "object" }, destination: described(destination) },
      required: schema.required,
    }),
    "",
    "## Hints",
    "",
    "What a resource may say of its rows, whatever its source's type; and `resource_hints` of a spec, by the resource's name.",
    "",
    ...table(toSchema(appliedHintsShape), []),
    ...source!.oneOf!.flatMap(one => section("Source", one, SOURCE_TYPES)),
    ...destination!
      .anyOf!.filter(one => one.title !== undefined)
      .flatMap(one => section("Destination", one, DESTINATION_TYPES)),
    "",
  ].join("\n");
}

function section(what: string, one: Node, types: readonly { type: string; example?: string }[]): string[] {
  const type = String(one.title);
  const { example } = types.find(row => row.type === type) ?? {};
  const shown = example === undefined ? [] : ["```yaml", example, "```", ""];
  return ["", `## ${what} \`${type}\``, "", ...shown, ...table(one)];
}

const MOST_DEPTH = 4;
/** They stand in one section of their own: resources and sources of every type may say them. */
const HINTS = Object.keys(appliedHintsShape.shape);

function table(node: Node, elsewhere = HINTS): string[] {
  return ["| key | kind | |", "|---|---|---|", ...rows(node, { prefix: "", depth: 0, elsewhere })];
}

interface Place {
  prefix: string;
  depth: number;
  /** Keys that another section has in full. */
  elsewhere: readonly string[];
}

function rows(node: Node, { prefix, depth, elsewhere }: Place): string[] {
  return Object.entries(node.properties ?? {}).flatMap(([key, inner]) => {
    const name = `${prefix}${key}`;
    const needed = node.required?.includes(key) ? "**needed** " : "";
    const otherwise = inner.default === undefined ? "" : ` Default: \`${JSON.stringify(inner.default)}\`.`;
    const hint = elsewhere.includes(key);
    const told = inner.description ?? (hint ? "see [Hints](#hints)" : "");
    const row = `| \`${name}\` | ${cell(kindOf(inner))} | ${needed}${cell(told)}${otherwise} |`;
    const stops = hint || depth >= MOST_DEPTH || name === "source" || name === "resource_hints";
    return [row, ...(stops ? [] : below(inner, { prefix: name, depth, elsewhere }))];
  });
}

/** Objects that a key may hold, their keys once each. */
function below(node: Node, place: Place): string[] {
  const { prefix, depth } = place;
  if (node.properties !== undefined) return rows(node, { ...place, prefix: `${prefix}.`, depth: depth + 1 });
  if (node.items !== undefined) return below(node.items, { ...place, prefix: `${prefix}[]` });
  if (typeof node.additionalProperties === "object") {
    return below(node.additionalProperties, { ...place, prefix: `${prefix}.<name>` });
  }
  const seen = new Set<string>();
  return [...(node.anyOf ?? []), ...(node.oneOf ?? [])]
    .flatMap(one => below(one, place))
    .filter(row => {
      const key = row.split("`")[1]!;
      return !seen.has(key) && seen.add(key);
    });
}

function kindOf(node: Node): string {
  if (node.const !== undefined) return JSON.stringify(node.const);
  if (node.enum !== undefined) return node.enum.map(value => JSON.stringify(value)).join(", ");
  const choices = node.anyOf ?? node.oneOf;
  if (choices !== undefined)
    return [...new Set(choices.map(kindOf))].filter(kind => kind !== "").join(" or ");
  if (node.items !== undefined) return `list of ${kindOf(node.items)}`;
  return [node.type ?? "any"]
    .flat()
    .filter(kind => kind !== "null")
    .join(" or ");
}

const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");
