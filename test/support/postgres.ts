/** A PostgreSQL server for one test file: a new, empty cluster (about 1.3 s), removed afterwards. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execute, type PostgresServer, startPostgresServer } from "../../demo/postgres-server";
import { toolPaths } from "../../src/tools";

export { execute };

export async function startTestPostgres(): Promise<PostgresServer> {
  const bin = toolPaths(process.env).postgresBin;
  if (!bin) throw new Error("The tests need PostgreSQL: run `node setup/main.mjs --postgres`.");
  const folder = mkdtempSync(join(tmpdir(), "tidemark-postgres-"));
  chmodSync(folder, 0o755);
  const server = await startPostgresServer({ dataDir: join(folder, "data"), bin });
  return {
    ...server,
    stop: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
