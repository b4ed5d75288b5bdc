import { type CodeContext, source } from "tidemark";

const ORDERS = [
  { id: 1, name: "Ada Lovelace", at: "2026-01-01T00:00:00Z" },
  { id: 2, name: "Grace Hopper", at: "2026-01-02T00:00:00Z" },
];

export const shop = source({
  orders: {
    primary_key: "id",
    write_disposition: "merge",
    incremental: { cursor_path: "at" },
    rows: async function* ({ incremental }: CodeContext) {
      const from = String(incremental?.start_value ?? "");
      yield ORDERS.filter(({ at }) => at >= from);
    },
  },
  customers: () => [{ id: 7 }],
});
