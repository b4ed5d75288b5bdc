/** The contract on a real PostgreSQL, one database per test. */
import { randomBytes } from "node:crypto";
import type { PostgresServer } from "../../../demo/postgres-server";
import { scratchFolder } from "../../support/duckdb";
import { execute, startTestPostgres } from "../../support/postgres";
import { postgresAt } from "../../support/postgres-destination";
import { describeDestination } from "./describe-destination";
import type { DestinationHarness } from "./destination-kit";

let server: PostgresServer;
beforeAll(async () => {
  server = await startTestPostgres();
}, 60_000);
afterAll(() => server.stop());

async function freshDatabase(): Promise<string> {
  const name = `t${randomBytes(4).toString("hex")}`;
  await execute(server.adminDsn, [`CREATE DATABASE ${name}`]);
  const url = new URL(server.adminDsn);
  url.pathname = `/${name}`;
  return url.href;
}

describeDestination("PostgreSQL", async (options): Promise<DestinationHarness> => {
  const folder = await scratchFolder();
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
  return {
    destination: postgresAt(await freshDatabase(), { create_indexes: false, ...options }),
    dataset: "raw",
    folder: folder.path,
    quoted,
    timestampText: column => `CAST(${column} AS VARCHAR)`,
    oddTable: 'odd "name" .; select',
    qualified: (table, schema = "raw") => `${quoted(schema)}.${quoted(table)}`,
    close: () => folder.remove(),
  };
});
