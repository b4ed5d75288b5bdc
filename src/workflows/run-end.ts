/** What a run ends with, once all its steps are done: its result, or a failure that carries it. */
import { ApplicationFailure, patched } from "@temporalio/workflow";
import type { LoadFacts, LoadInfo, ResolvedRun, RunResult } from "../pipeline/infos";

/** Runs that were recorded before end as completed when a dbt test fails and nobody judges it. */
const PATCH_FAILING_TESTS = "failing-tests-fail";
const MOST_NAMES = 5;

/**
 * A run whose gate blocks, or whose dbt tests fail without a gate, must not look like one that is done. The failure's
 * first detail is for people and alerts, its second the whole result.
 */
export function failureOf({ spec }: ResolvedRun, result: RunResult): ApplicationFailure | undefined {
  const { gate, dbt } = result;
  if (spec.gate?.fail_on_block && gate?.decision === "block") {
    const { decision, score, reasons, packet_path } = gate;
    const packet = packet_path === undefined ? "" : ` Packet: ${packet_path}.`;
    return ApplicationFailure.create({
      type: "GATE_BLOCKED",
      message: `The gate blocks (score ${score} of 100): ${reasons.join("; ")}. The load is committed.${packet} Mend what is named and run again; gate.fail_on_block: false ends such runs as completed.`,
      nonRetryable: true,
      details: [
        { step: "gate", pipeline: spec.pipeline_name, decision, score, reasons, packet_path },
        result,
      ],
    });
  }
  if (spec.gate !== undefined || dbt === undefined || dbt.success || !patched(PATCH_FAILING_TESTS)) {
    return undefined;
  }
  const failed = dbt.findings.filter(node => !["warn", "skipped"].includes(node.status));
  const named = failed.slice(0, MOST_NAMES).map(node => `${node.unique_id} (${node.status})`);
  const more = failed.length > MOST_NAMES ? ` and ${failed.length - MOST_NAMES} more` : "";
  return ApplicationFailure.create({
    type: "DBT_TESTS_FAILED",
    message: `${dbt.command}: ${named.join(", ")}${more}. The load is committed. Mend the data or the test and run again; with gate: {} in the spec the gate judges instead, and says why.`,
    nonRetryable: true,
    details: [
      { step: "transform", pipeline: spec.pipeline_name, run_results_path: dbt.run_results_path },
      result,
    ],
  });
}

/** What the gate's metrics may know of this run's load. */
export function factsOf(load: LoadInfo | undefined, loadedAt: string | undefined): LoadFacts {
  if (loadedAt === undefined) return {};
  const { load_id, tables = [], rejected_rows } = load ?? {};
  return {
    loaded_at: loadedAt,
    ...(load_id === undefined ? {} : { load_id, tables: tables.map(({ table, rows }) => ({ table, rows })) }),
    ...(rejected_rows === undefined ? {} : { rejected_rows }),
  };
}
