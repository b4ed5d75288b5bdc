/** What the destination's own parser says of the metrics' SELECTs, before anything is started. */
import type { Destination } from "../destinations/destination";
import { TidemarkError } from "../pipeline/errors";
import type { ResolvedPipeline } from "../pipeline/spec";

/** @throws TidemarkError SPEC_INVALID with one line per metric */
export async function requireReadableMetrics(
  spec: Pick<ResolvedPipeline, "gate" | "pipeline_name">,
  { selectProblem }: Pick<Destination, "selectProblem">,
): Promise<void> {
  if (selectProblem === undefined) return;
  const problems: string[] = [];
  // The freshness rules come first and have no SQL; in the spec the user's own begin at 0.
  const own = (spec.gate?.metrics ?? []).filter(metric => !/^(load|row)_age_minutes$/.test(metric.name));
  for (const [i, { sql, name }] of own.entries()) {
    const problem = sql === undefined ? undefined : await selectProblem(sql);
    if (problem !== undefined) problems.push(`  gate.metrics[${i}].sql (${name}): ${problem}`);
  }
  if (problems.length === 0) return;
  throw new TidemarkError(
    "SPEC_INVALID",
    `The spec of ${spec.pipeline_name} has ${problems.length} problem${problems.length === 1 ? "" : "s"}:\n${problems.join("\n")}`,
    { step: "resolve" },
  );
}
