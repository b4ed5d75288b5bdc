/** From dbt's results to what history may hold. Pure. */
import type { DbtInfo, DbtNodeResult, DbtNodeTime } from "../pipeline/infos";
import type { FreshnessResults, Manifest, RunResults } from "./artifacts";
import { safeDbtMessage } from "./safe-message";

const GOOD = new Set(["success", "pass", "no-op", "reused"]);
/** Statuses of a test or a node that ran and did not hold, or could not run. */
const FAILING = new Set(["error", "fail", "runtime error", "partial success"]);
/** History holds this many findings; a project with more names the rest in its log. */
const MAX_FINDINGS = 100;
const MAX_NODES = 100;

export function isFailing(status: string): boolean {
  return FAILING.has(status);
}

/**
 * Counts by status and everything that is not a plain success, the worst first. `expected_warning` and `reason` come
 * from the test's own `meta` in the manifest (run_results.json does not repeat it); without a manifest no warning is
 * expected.
 */
export function summarizeRun(
  results: RunResults,
  manifest: Manifest | undefined,
): Pick<DbtInfo, "success" | "counts" | "findings" | "nodes" | "notes"> {
  const summary = summarize(
    results.results.map(result => {
      const node = manifest?.nodes[result.unique_id];
      const meta = { ...node?.meta, ...node?.config?.meta };
      return {
        unique_id: result.unique_id,
        resource_type: node?.resource_type ?? typeOf(result.unique_id),
        status: result.status,
        seconds: result.execution_time ?? 0,
        ...(result.message ? { message: safeDbtMessage(result.message) } : {}),
        ...(typeof result.failures === "number" ? { failures: result.failures } : {}),
        ...(isTrue(meta.expected_warning)
          ? { expected_warning: true, reason: typeof meta.reason === "string" ? meta.reason : "" }
          : {}),
      };
    }),
  );
  return { ...summary, nodes: slowestNodes(results) };
}

function slowestNodes(results: RunResults): DbtNodeTime[] {
  return results.results
    .filter(node => !node.unique_id.startsWith("operation.") && node.status !== "skipped")
    .map(({ unique_id, status, execution_time, adapter_response }) => {
      const rows = adapter_response?.rows_affected;
      const seconds = Math.round((execution_time ?? 0) * 1000) / 1000;
      return { unique_id, status, seconds, ...(typeof rows === "number" && rows >= 0 ? { rows } : {}) };
    })
    .sort((a, b) => b.seconds - a.seconds)
    .slice(0, MAX_NODES);
}

/** The schema of most models; undefined in a project without models. */
export function modelSchema(manifest: Manifest | undefined): string | undefined {
  const models = new Map<string, number>();
  for (const { resource_type, schema } of Object.values(manifest?.nodes ?? {})) {
    if (resource_type === "model" && schema) models.set(schema, (models.get(schema) ?? 0) + 1);
  }
  return [...models].sort((a, b) => b[1] - a[1])[0]?.[0];
}

export function summarizeFreshness(
  results: FreshnessResults,
): Pick<DbtInfo, "success" | "counts" | "findings" | "notes"> {
  return summarize(
    results.results.map(result => ({
      unique_id: result.unique_id,
      resource_type: "source",
      status: result.status,
      seconds: result.execution_time ?? 0,
      ...(result.error ? { message: safeDbtMessage(result.error) } : {}),
      ...(result.status === "warn" && typeof result.max_loaded_at_time_ago_in_s === "number"
        ? { message: `last loaded ${Math.round(result.max_loaded_at_time_ago_in_s / 3600)} hours ago` }
        : {}),
    })),
  );
}

function summarize(nodes: DbtNodeResult[]): Pick<DbtInfo, "success" | "counts" | "findings" | "notes"> {
  const counts: { [status: string]: number } = {};
  for (const node of nodes) counts[node.status] = (counts[node.status] ?? 0) + 1;
  const findings = nodes.filter(node => !GOOD.has(node.status)).sort((a, b) => severity(a) - severity(b));
  const left = findings.length - MAX_FINDINGS;
  return {
    success: !nodes.some(node => isFailing(node.status)),
    counts,
    findings: findings.slice(0, MAX_FINDINGS),
    notes: left > 0 ? [`${left} more findings are in run_results.json`] : [],
  };
}

function severity(node: DbtNodeResult): number {
  if (isFailing(node.status)) return 0;
  if (node.status === "warn") return node.expected_warning ? 2 : 1;
  return 3;
}

function typeOf(uniqueId: string): string {
  return uniqueId.split(".")[0] ?? "unknown";
}

/**
 * True where nodes are left that a further attempt may finish: errors (not tests that ran and failed), or nodes skipped
 * although nothing had failed before them, which is what an interrupted dbt leaves.
 */
export function isUnfinished(results: RunResults): boolean {
  const has = (is: (status: string) => boolean) => results.results.some(node => is(node.status));
  return (
    has(status => isFailing(status) && status !== "fail") ||
    (has(s => s === "skipped") && !has(s => s === "fail"))
  );
}

/** Jinja in YAML gives the text "True" where a literal gives true. */
function isTrue(value: unknown): boolean {
  return value === true || (typeof value === "string" && value.toLowerCase() === "true");
}
