/** A source in code: any async generator that yields pages of rows. Specs name it (`source: { type: code, source: shop }`). */
import { type CodeContext, source } from "tidemark";

const CUSTOMERS = [
  { id: 1, name: "Ada", updated_at: "2026-01-03T08:15:00Z" },
  { id: 2, name: "Bruno", updated_at: "2026-01-09T13:40:00Z" },
  { id: 3, name: "Chiara", updated_at: "2026-02-17T19:05:30Z" },
];

/** Asks only for what is new since the last run, as a call to a real system would. */
async function* customers({ incremental }: CodeContext) {
  const from = String(incremental?.start_value ?? "");
  yield CUSTOMERS.filter(({ updated_at }) => updated_at >= from);
}

export const shop = source({
  customers: {
    rows: customers,
    primary_key: "id",
    write_disposition: "merge",
    incremental: { cursor_path: "updated_at", initial_value: "2026-01-01T00:00:00Z" },
  },
});
