/**
 * Customers that change over time: merge on `id`, incremental on `updated_at`. A second run loads nothing new and
 * makes no duplicates; a backfill of January takes exactly the rows last changed in January.
 */
import { type CodeContext, definePipeline } from "tidemark";

const CUSTOMERS = [
  { id: 1, name: "Ada Marsh", tier: "gold", updated_at: "2026-01-03T08:15:00Z" },
  { id: 2, name: "Bruno Weir", tier: "silver", updated_at: "2026-01-09T13:40:00Z" },
  { id: 3, name: "Chiara Sound", tier: "bronze", updated_at: "2026-01-17T19:05:30Z" },
  { id: 4, name: "Dmitri Firth", tier: "gold", updated_at: "2026-01-24T06:55:00Z" },
  { id: 5, name: "Esi Delta", tier: "silver", updated_at: "2026-01-31T23:59:59Z" },
  { id: 6, name: "Farid Strand", tier: "bronze", updated_at: "2026-02-01T00:00:00Z" },
  { id: 7, name: "Greta Haven", tier: "gold", updated_at: "2026-02-08T10:20:00Z" },
  { id: 8, name: "Hiro Lagoon", tier: "silver", updated_at: "2026-02-14T16:45:10Z" },
  { id: 9, name: "Ines Harbour", tier: "bronze", updated_at: "2026-02-22T11:11:00Z" },
  { id: 10, name: "Jonas Reef", tier: "gold", updated_at: "2026-03-02T07:30:00Z" },
  { id: 11, name: "Kaya Inlet", tier: "silver", updated_at: "2026-03-11T21:00:45Z" },
  { id: 12, name: "Lucia Shoal", tier: "bronze", updated_at: "2026-03-19T14:25:00Z" },
] as const;

/** Asks only for the range of this run, as a query to a real system would. */
export async function* customers({ incremental }: CodeContext) {
  const from = incremental?.start_value;
  const to = incremental?.end_value;
  const inRange = CUSTOMERS.filter(
    ({ updated_at }) =>
      (typeof from !== "string" || updated_at >= from) && (typeof to !== "string" || updated_at < to),
  );
  yield inRange.map(customer => ({ ...customer }));
}

export default definePipeline({
  pipeline_name: "merge_demo",
  source: {
    type: "code",
    name: "merge_demo",
    module: "./merge_demo.ts",
    resources: [
      {
        name: "customers",
        write_disposition: "merge",
        primary_key: "id",
        incremental: { cursor_path: "updated_at", initial_value: "2026-01-01T00:00:00Z" },
      },
    ],
  },
});
