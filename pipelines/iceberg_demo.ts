/**
 * Events in managed Iceberg tables of Unity Catalog instead of Delta (`table_format: iceberg`). DuckDB has one table
 * format and loads the same rows into it.
 */
import { definePipeline, float } from "tidemark";

export async function* iceberg_events() {
  yield [
    { event_id: 1, kind: "view", value: float(0.5) },
    { event_id: 2, kind: "click", value: float(1.25) },
    { event_id: 3, kind: "purchase", value: float(42) },
  ];
}

export default definePipeline({
  pipeline_name: "iceberg_demo",
  source: {
    type: "code",
    name: "iceberg_demo",
    module: "./iceberg_demo.ts",
    resources: [{ name: "iceberg_events", write_disposition: "append", table_format: "iceberg" }],
  },
});
