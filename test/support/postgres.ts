/** A PostgreSQL server for one test file: a new, empty cluster (about 1.3 s), removed afterwards. */
import { randomBytes } from "node:crypto";
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

/** An empty database; its DSN. */
export async function freshDatabase(server: PostgresServer): Promise<string> {
  const name = `t${randomBytes(4).toString("hex")}`;
  await execute(server.adminDsn, [`CREATE DATABASE ${name}`]);
  const url = new URL(server.adminDsn);
  url.pathname = `/${name}`;
  return url.href;
}
