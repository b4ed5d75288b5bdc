/**
 * The gate's policy. Pure: the same results, metrics and thresholds give the same decision for ever.
 * A warning is expected only where the dbt test itself says so (`meta: {expected_warning: true, reason: …}`).
 */
import type { DbtInfo, DbtNodeResult, GateDecision, GateInfo, GateMetrics } from "../pipeline/infos";
import type { GateThresholds } from "../pipeline/spec";

export type GateResults = Pick<DbtInfo, "counts" | "findings">;

const FAILING = ["error", "fail", "runtime error", "partial success"];
const WORST: readonly GateDecision[] = ["promote", "review", "block"];

interface Finding {
  decision: GateDecision;
  points: number;
  reason: string;
}

/**
 * Score from 100: failing nodes −55 and block; too few claim lines −35 and block; unexpected warnings or skipped nodes
 * −25 and review; too many expected warnings −15 and review; stale −12 and review; ratio −18 and review. A missing
 * metric is never taken as good: no line count counts as zero lines, no age as stale, no ratio as too high.
 * @param dbt results of the build; undefined where no transform belongs to the pipeline
 */
export function decideGate(
  dbt: GateResults | undefined,
  metrics: GateMetrics,
  thresholds: GateThresholds,
): GateInfo {
  const findings = [...(dbt ? judgeResults(dbt, thresholds) : []), ...judgeMetrics(metrics, thresholds)];
  const decision = findings.reduce<GateDecision>(
    (worst, finding) => (WORST.indexOf(finding.decision) > WORST.indexOf(worst) ? finding.decision : worst),
    "promote",
  );
  const lost = findings.reduce((sum, finding) => sum + finding.points, 0);
  return {
    decision,
    score: Math.max(0, 100 - lost),
    reasons: findings.length > 0 ? findings.map(finding => finding.reason) : ["every check passed"],
    metrics,
  };
}

function judgeResults(dbt: GateResults, thresholds: GateThresholds): Finding[] {
  const findings: Finding[] = [];
  const count = (statuses: string[]) => statuses.reduce((sum, status) => sum + (dbt.counts[status] ?? 0), 0);
  const failing = count(FAILING);
  if (failing > 0) {
    const named = dbt.findings.filter(node => FAILING.includes(node.status));
    findings.push({
      decision: "block",
      points: 55,
      reason: `${failing} dbt node(s) failed: ${names(named, failing)}`,
    });
  } else if (Object.values(dbt.counts).every(n => n === 0)) {
    findings.push({ decision: "block", points: 55, reason: "dbt ran no nodes" });
  }
  const expected = dbt.findings.filter(node => node.status === "warn" && node.expected_warning);
  const unexpected = count(["warn"]) - expected.length;
  const skipped = count(["skipped"]);
  if (unexpected > 0 || skipped > 0) {
    const named = dbt.findings.filter(node => node.status === "warn" && !node.expected_warning);
    const parts = [
      ...(unexpected > 0 ? [`${unexpected} unexpected warning(s): ${names(named, unexpected)}`] : []),
      ...(skipped > 0 ? [`${skipped} node(s) skipped`] : []),
    ];
    findings.push({ decision: "review", points: 25, reason: parts.join("; ") });
  }
  if (expected.length > thresholds.max_expected_warnings) {
    findings.push({
      decision: "review",
      points: 15,
      reason: `${expected.length} expected warnings, more than the ${thresholds.max_expected_warnings} allowed`,
    });
  }
  return findings;
}

function judgeMetrics(metrics: GateMetrics, thresholds: GateThresholds): Finding[] {
  const findings: Finding[] = [];
  const lines = metrics.claim_service_lines;
  if ((lines ?? 0) < thresholds.min_claim_lines) {
    findings.push({
      decision: "block",
      points: 35,
      reason: `claim_service_lines is ${lines ?? "missing, which counts as 0"}; at least ${thresholds.min_claim_lines} needed`,
    });
  }
  const age = metrics.freshness_minutes;
  if (age === undefined || age > thresholds.max_freshness_minutes) {
    findings.push({
      decision: "review",
      points: 12,
      reason: `the newest load is ${age === undefined ? "of unknown age" : `${round(age)} minutes old`}; at most ${thresholds.max_freshness_minutes} allowed`,
    });
  }
  const ratio = metrics.max_allowed_ratio;
  if (ratio === undefined || ratio > thresholds.max_allowed_ratio) {
    findings.push({
      decision: "review",
      points: 18,
      reason: `max_allowed_ratio is ${ratio === undefined ? "missing" : round(ratio)}; at most ${thresholds.max_allowed_ratio} allowed`,
    });
  }
  return findings;
}

/** Last part of the unique ids, at most three. */
function names(nodes: DbtNodeResult[], total: number): string {
  const shown = nodes.slice(0, 3).map(node => shortName(node.unique_id));
  return [...shown, ...(total > shown.length ? [`${total - shown.length} more`] : [])].join(", ");
}

/** "test.project.not_null_x.0a1b" → "not_null_x" */
export function shortName(uniqueId: string): string {
  const parts = uniqueId.split(".");
  if (parts[0] === "source") return parts.slice(2).join(".");
  return parts[2] ?? uniqueId;
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
