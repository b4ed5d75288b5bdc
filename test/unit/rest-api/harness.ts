/** Opens the resources of a REST config the way the extract step does: parents first, their rows fed to children. */

import { parseLines } from "../../../src/json/lines";
import type { Row } from "../../../src/json/values";
import type { Json, JsonObject, SourceSpec } from "../../../src/pipeline/spec";
import { restApi } from "../../../src/sources/rest-api";
import type { OpenOptions, Page, Resource, Source } from "../../../src/sources/source";

export function specOf(config: JsonObject): SourceSpec {
  return { type: "rest_api", name: "api", ...config } as SourceSpec;
}

export async function createSource(config: JsonObject): Promise<Source> {
  const spec = specOf(config);
  const problems = restApi.check(spec);
  if (problems.length > 0)
    throw new Error(problems.map(one => `${one.path.join(".")}: ${one.message}`).join("\n"));
  return await restApi.create(spec);
}

export async function* batches(rows: Row[], size = 2): AsyncGenerator<Row[]> {
  for (let i = 0; i < rows.length; i += size) yield rows.slice(i, i + size);
}

export function options(over: Partial<OpenOptions> = {}): OpenOptions {
  return { signal: new AbortController().signal, attempts: 5, ...over };
}

export interface Taken {
  rows: Row[];
  resume: Json | undefined;
}

/** All rows, or those of the first `pages` pages, with the place after them. */
export async function take(
  resource: Resource,
  over: Partial<OpenOptions> = {},
  pages = Number.POSITIVE_INFINITY,
): Promise<Taken> {
  const taken: Taken = { rows: [], resume: undefined };
  let count = 0;
  // As extract does; first pages, whose paginator or selector is detected, come as rows all the same.
  const pagesOf = resource.open(options({ takesText: true, ...over })) as AsyncIterable<Page>;
  for await (const page of pagesOf) {
    taken.rows.push(...page.rows);
    if (page.text !== undefined) {
      const read = parseLines(page.text.lines.toString()) as Row[];
      expect(read).toHaveLength(page.text.rows);
      taken.rows.push(...read);
    }
    // As through heartbeat details: JSON, nothing else.
    taken.resume = JSON.parse(JSON.stringify(page.resume)) as Json;
    if (++count >= pages) break;
  }
  return taken;
}

/** Every resource's rows, by name. */
export async function runAll(
  config: JsonObject,
  over: Partial<OpenOptions> = {},
): Promise<{ [resource: string]: Row[] }> {
  const source = await createSource(config);
  const rows: { [resource: string]: Row[] } = {};
  for (const resource of source.resources) {
    const parentRows = resource.parent === undefined ? undefined : batches(rows[resource.parent]!);
    rows[resource.name] = (await take(resource, { ...over, parentRows })).rows;
  }
  return rows;
}
