import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { startPostgres } from "../../demo/postgres";
import { execute } from "../../demo/postgres-server";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-demo-"));
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("56 rows, a reader who may SELECT from one table only, and a quick second start", async () => {
  for (const start of ["first", "second"]) {
    const started = performance.now();
    const server = await startPostgres({ dataDir: join(folder, "data") });
    try {
      if (start === "second") expect(performance.now() - started).toBeLessThan(2_000);
      await execute(server.readerDsn, [
        "DO $$ BEGIN ASSERT (SELECT count(*) FROM rnacen.rnc_database) = 56; END $$",
        "DO $$ BEGIN ASSERT (SELECT count(DISTINCT id) FROM rnacen.rnc_database WHERE descr <> '' AND alive IN ('Y', 'N')) = 56; END $$",
      ]);
      for (const forbidden of [
        "SELECT * FROM rnacen.not_for_readers",
        "INSERT INTO rnacen.rnc_database VALUES (99)",
        "CREATE TABLE rnacen.mine (a int)",
        "CREATE TEMP TABLE mine (a int)",
        "CREATE SCHEMA mine",
      ]) {
        await expect(execute(server.readerDsn, [forbidden])).rejects.toMatchObject({ code: "42501" });
      }
    } finally {
      await server.stop();
    }
  }
});

test("a killed parent leaves no server behind", async () => {
  const script = `require(${JSON.stringify(resolve(__dirname, "../../demo/postgres"))})
    .startPostgres({ dataDir: ${JSON.stringify(join(folder, "data"))} })
    .then(server => { console.log(server.pid); setInterval(() => {}, 1000); });`;
  const parent = spawn(process.execPath, ["--import", "tsx", "-e", script], {
    cwd: resolve(__dirname, "../.."),
  });
  const pid = await new Promise<number>(done => parent.stdout.once("data", line => done(Number(line))));
  expect(() => process.kill(pid, 0)).not.toThrow();
  parent.kill("SIGKILL");
  const isGone = () => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  };
  for (let tries = 0; tries < 100 && !isGone(); tries++) await new Promise(done => setTimeout(done, 50));
  expect(isGone()).toBe(true);
});
