/** dbt's nodes and lineage from the artifacts of the newest run, as its folder has them. Reads only. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { safeName } from "../package/safe-name";
import { readManifest, readRunResults } from "../transform/artifacts";
import type { ReportNode } from "./report-data";

const SHOWN = ["model", "seed", "snapshot", "source"];
/** The worst first. */
const STATUSES = ["error", "fail", "runtime error", "partial success", "skipped", "warn", "success", "pass"];

/** Empty where dbt never ran here. @throws Error naming a file that is no artifact */
export function dbtNodes(home: string, pipeline: string): ReportNode[] {
  const results = newestResults(join(home, "runs", safeName(pipeline)));
  return results === undefined ? [] : nodesOf(results, join(dirname(results), "manifest.json"));
}

/** By time, not by name: a run's id says nothing of its age. */
function newestResults(folder: string): string | undefined {
  if (!existsSync(folder)) return undefined;
  return readdirSync(folder)
    .map(run => join(folder, run, "build", "run_results.json"))
    .filter(path => existsSync(path))
    .map(path => ({ path, at: statSync(path).mtimeMs }))
    .sort((a, b) => b.at - a.at)[0]?.path;
}

function nodesOf(resultsPath: string, manifestPath: string): ReportNode[] {
  const manifest = readManifest(manifestPath);
  const results = readRunResults(resultsPath);
  if (manifest === undefined || results === undefined) return [];
  const parents = manifest.parent_map ?? {};
  const found = new Map<string, ReportNode>();
  const add = (id: string, type: string, name: string) =>
    found.set(id, { id, type, name, status: "", tests: 0, reads: (parents[id] ?? []).filter(isShown) });
  for (const [id, node] of Object.entries(manifest.nodes)) {
    if (SHOWN.includes(node.resource_type)) add(id, node.resource_type, node.name);
  }
  for (const [id, source] of Object.entries(manifest.sources))
    add(id, "source", `${source.source_name}.${source.name}`);
  for (const { unique_id, status, execution_time } of results.results) {
    const node = found.get(unique_id);
    if (node !== undefined) {
      node.status = worse(node.status, status);
      if (typeof execution_time === "number") node.seconds = execution_time;
      continue;
    }
    // A test counts for what it reads.
    for (const parent of parents[unique_id] ?? []) {
      const tested = found.get(parent);
      if (tested === undefined) continue;
      tested.tests++;
      tested.status = worse(tested.status, status);
    }
  }
  return [...found.values()];
}

const isShown = (id: string) => SHOWN.includes(id.split(".")[0] ?? "");

function worse(a: string, b: string): string {
  if (a === "" || b === "") return a || b;
  const rank = (status: string) => (STATUSES.indexOf(status) + STATUSES.length + 1) % (STATUSES.length + 1);
  return rank(b) < rank(a) ? b : a;
}
