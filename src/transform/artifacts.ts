/**
 * dbt's files as we read them: run_results.json, sources.json, manifest.json. Checked at this boundary; fields that
 * nobody here reads are let through untouched, so that newer artifact versions pass.
 */
import { existsSync, readFileSync } from "node:fs";
import { z } from "zod";

const result = z.looseObject({
  unique_id: z.string(),
  status: z.string(),
  execution_time: z.number().nullish(),
  message: z.string().nullish(),
  failures: z.number().nullish(),
  /** What the adapter said of its last statement. */
  adapter_response: z.record(z.string(), z.unknown()).nullish(),
});

const runResults = z.looseObject({
  metadata: z
    .looseObject({
      generated_at: z.string().nullish(),
      invocation_id: z.string().nullish(),
      env: z.record(z.string(), z.string()).nullish(),
    })
    .nullish(),
  /** What dbt was called with: `which` command, `vars`, … */
  args: z.looseObject({ which: z.unknown(), vars: z.unknown() }).nullish(),
  results: z.array(result),
  elapsed_time: z.number().nullish(),
});

const freshnessResult = z.looseObject({
  unique_id: z.string(),
  status: z.string(),
  execution_time: z.number().nullish(),
  /** Set for the status "runtime error". */
  error: z.string().nullish(),
  max_loaded_at_time_ago_in_s: z.number().nullish(),
});

const meta = z.record(z.string(), z.unknown());
const manifest = z.looseObject({
  /** What each node reads, by unique id. */
  parent_map: z.record(z.string(), z.array(z.string())).nullish(),
  metadata: z.looseObject({ project_name: z.string().nullish() }).nullish(),
  nodes: z.record(
    z.string(),
    z.looseObject({
      resource_type: z.string(),
      name: z.string(),
      schema: z.string().nullish(),
      alias: z.string().nullish(),
      package_name: z.string().nullish(),
      config: z
        .looseObject({
          meta: meta.nullish(),
          materialized: z.string().nullish(),
          store_failures: z.boolean().nullish(),
        })
        .nullish(),
      meta: meta.nullish(),
    }),
  ),
  sources: z.record(
    z.string(),
    z.looseObject({
      source_name: z.string(),
      name: z.string(),
      database: z.string().nullish(),
      schema: z.string(),
    }),
  ),
});

export type RunResults = z.infer<typeof runResults>;
export type NodeResult = z.infer<typeof result>;
export type FreshnessResults = { results: z.infer<typeof freshnessResult>[] };
export type Manifest = z.infer<typeof manifest>;

/** undefined where there is no such file. @throws Error naming the file and what is wrong with it */
export function readRunResults(path: string): RunResults | undefined {
  return read(path, runResults);
}

/** `dbt source freshness` writes sources.json. */
export function readFreshness(path: string): FreshnessResults | undefined {
  return read(path, z.looseObject({ results: z.array(freshnessResult) }));
}

export function readManifest(path: string): Manifest | undefined {
  return read(path, manifest);
}

function read<T>(path: string, shape: z.ZodType<T>): T | undefined {
  if (!existsSync(path)) return undefined;
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(path, "utf8"));
  } catch {
    throw new Error(`${path} is not JSON`);
  }
  const checked = shape.safeParse(content);
  if (checked.success) return checked.data;
  const places = checked.error.issues.slice(0, 3).map(issue => issue.path.join(".") || "the whole file");
  throw new Error(`${path} does not look like an artifact of dbt: check ${places.join(", ")}`);
}

/** What happened before and what a `dbt retry` did after it, as one: the newer status of each node counts. */
export function mergeRunResults(first: RunResults, retried: RunResults): RunResults {
  const newer = new Map(retried.results.map(node => [node.unique_id, node]));
  const kept = first.results.map(node => {
    const again = newer.get(node.unique_id);
    newer.delete(node.unique_id);
    return again ?? node;
  });
  return {
    ...retried,
    results: [...kept, ...newer.values()],
    elapsed_time: (first.elapsed_time ?? 0) + (retried.elapsed_time ?? 0),
  };
}
