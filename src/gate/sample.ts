/** What `tidemark gate --sample` decides over. Only that option uses it: missing input never becomes sample input. */
import type { DbtInfo, MetricsInfo } from "../pipeline/infos";

export const SAMPLE_RESULTS: DbtInfo = {
  command: "dbt build",
  success: true,
  counts: { success: 13, pass: 40, warn: 1 },
  findings: [
    {
      unique_id: "test.tidemark.stg_orders_amount_not_negative.0000000000",
      resource_type: "test",
      status: "warn",
      seconds: 0.1,
      failures: 33,
      message: "Got 33 results, configured to warn if != 0",
      expected_warning: true,
      reason: "Refunds are negative, and legitimate.",
    },
  ],
  seconds: 4,
  notes: [],
};

export const SAMPLE_METRICS: MetricsInfo = { values: { load_age_minutes: 5 }, missing: {} };
