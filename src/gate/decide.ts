/**
 * The gate's policy. Pure: the same results, metrics and rules give the same decision for ever.
 * A warning is expected only where the dbt test itself says so (`meta: {expected_warning: true, reason: …}`).
 */

import type { GateMetric, GateSpec } from "../pipeline/gate-spec";
import type {
  DbtInfo,
  DbtNodeResult,
  GateCheck,
  GateDecision,
  GateInfo,
  MetricsInfo,
} from "../pipeline/infos";

export type GateResults = Pick<DbtInfo, "counts" | "findings">;
export type GateRules = Pick<GateSpec, "metrics" | "max_expected_warnings">;

const FAILING = ["error", "fail", "runtime error", "partial success"];
const WORST: readonly GateDecision[] = ["promote", "review", "block"];
const POINTS = { block: 35, review: 18 } as const;

/**
 * Score from 100: failing nodes −55 and block; unexpected warnings or skipped nodes −25 and review; too many expected
 * warnings −15 and review; sources whose freshness is an error −12 and review; a metric out of its bounds as its
 * `severity` says (block −35, review −18, the age of the load −12). A metric without a value is never taken as good,
 * unless its `on_missing` is `ignore`.
 * @param dbt results of the build; undefined where no transform belongs to the pipeline
 */
export function decideGate(
  dbt: GateResults | undefined,
  metrics: MetricsInfo,
  rules: GateRules,
  freshness?: GateResults,
): GateInfo {
  const checks = [
    ...(dbt ? judgeResults(dbt, rules) : []),
    ...(freshness ? [judgeSources(freshness)] : []),
    ...rules.metrics.map(metric => judgeMetric(metric, metrics)),
  ];
  const decision = checks.reduce<GateDecision>(
    (worst, check) => (WORST.indexOf(check.decision) > WORST.indexOf(worst) ? check.decision : worst),
    "promote",
  );
  const lost = checks.reduce((sum, check) => sum + check.points, 0);
  const reasons = checks.flatMap(({ reason }) => (reason === undefined ? [] : [reason]));
  return {
    decision,
    score: Math.max(0, 100 - lost),
    reasons: reasons.length > 0 ? reasons : ["every check passed"],
    metrics: metrics.values,
    checks,
  };
}

function judgeResults(dbt: GateResults, rules: GateRules): GateCheck[] {
  const count = (statuses: string[]) => statuses.reduce((sum, status) => sum + (dbt.counts[status] ?? 0), 0);
  const expected = dbt.findings.filter(node => node.status === "warn" && node.expected_warning).length;
  const unexpected = count(["warn"]) - expected;
  const most = rules.max_expected_warnings;
  return [
    judgeFailures(dbt, count(FAILING)),
    check("dbt_warnings", "no unexpected warnings, no skipped nodes", unexpected + count(["skipped"]), {
      decision: "review",
      points: 25,
      reason: openText(dbt, unexpected, count(["skipped"])),
    }),
    check("dbt_expected_warnings", `at most ${most}`, expected, {
      decision: "review",
      points: 15,
      reason: expected > most ? `${expected} expected warnings, more than the ${most} allowed` : undefined,
    }),
  ];
}

function judgeFailures(dbt: GateResults, failing: number): GateCheck {
  const named = dbt.findings.filter(node => FAILING.includes(node.status));
  const nothing = Object.values(dbt.counts).every(n => n === 0);
  const reason =
    failing > 0
      ? `${failing} dbt node(s) failed: ${names(named, failing)}`
      : nothing
        ? "dbt ran no nodes"
        : undefined;
  return check("dbt_failures", "none", failing, { decision: "block", points: 55, reason });
}

function openText(dbt: GateResults, unexpected: number, skipped: number): string | undefined {
  const named = dbt.findings.filter(node => node.status === "warn" && !node.expected_warning);
  const parts = [
    ...(unexpected > 0 ? [`${unexpected} unexpected warning(s): ${names(named, unexpected)}`] : []),
    ...(skipped > 0 ? [`${skipped} node(s) skipped`] : []),
  ];
  return parts.length > 0 ? parts.join("; ") : undefined;
}

/** dbt's `warn_after` is for people, as in dbt itself; its `error_after` is a finding. */
function judgeSources(freshness: GateResults): GateCheck {
  const stale = freshness.findings.filter(node => FAILING.includes(node.status));
  return check("dbt_source_freshness", "no source in error", stale.length, {
    decision: "review",
    points: 12,
    reason:
      stale.length > 0
        ? `${stale.length} source(s) are stale by their own freshness rule: ${names(stale, stale.length)}`
        : undefined,
  });
}

function judgeMetric(metric: GateMetric, { values, missing }: MetricsInfo): GateCheck {
  const rule = ruleText(metric);
  const value = values[metric.name];
  const unit = metric.unit;
  const found = { name: metric.name, rule, ...(unit === undefined ? {} : { unit }) };
  const needed = `${rule}${metric.min !== undefined && metric.max === undefined ? " needed" : " allowed"}`;
  if (value === undefined) {
    const why = missing[metric.name] ?? "it was not read";
    if (metric.on_missing === "ignore") return { ...found, decision: "promote", points: 0 };
    return {
      ...found,
      decision: metric.on_missing,
      points: metric.points ?? POINTS[metric.on_missing],
      reason: `${metric.name} has no value (${why}); ${needed}`,
    };
  }
  const out =
    (metric.min !== undefined && value < metric.min) || (metric.max !== undefined && value > metric.max);
  if (!out) return { ...found, value, decision: "promote", points: 0 };
  return {
    ...found,
    value,
    decision: metric.severity,
    points: metric.points ?? POINTS[metric.severity],
    reason: `${metric.name} is ${numberText(value)}${unit === undefined ? "" : ` ${unit}`}; ${needed}`,
  };
}

export function ruleText({ min, max }: Pick<GateMetric, "min" | "max">): string {
  if (min !== undefined && max !== undefined) return `${min} to ${max}`;
  if (min !== undefined) return `at least ${min}`;
  return max === undefined ? "any number" : `at most ${max}`;
}

function check(
  name: string,
  rule: string,
  value: number,
  found: { decision: GateDecision; points: number; reason: string | undefined },
): GateCheck {
  const { reason } = found;
  return reason === undefined
    ? { name, rule, value, decision: "promote", points: 0 }
    : { name, rule, value, decision: found.decision, points: found.points, reason };
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

/** At most four decimals. */
export function numberText(value: number): string {
  return String(Math.round(value * 10_000) / 10_000);
}
