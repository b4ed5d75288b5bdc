/** Once per jest run: one real Temporal dev server in memory, and the workflows' bundle. Stopped by its pid. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { Connection } from "@temporalio/client";
import { DEV_SERVER_OPTIONS, freePort } from "../../src/dev-server";
import { cacheDir, toolPaths } from "../../src/tools";
import { workflowBundle } from "../../src/workflow-bundle";
import { type OwnStandin, startStandin } from "./databricks/standin";

/** For a service principal's token that a test sees end. */
const LANE_SETTINGS = { DBX_MEM: "3g", DBX_WARM: "1", DBX_OAUTH_SECONDS: "3" };

export default async function globalSetup(): Promise<void> {
  const { temporal } = toolPaths(process.env);
  if (temporal === undefined) throw new Error("No `temporal` command: run `npm run setup` first.");
  const port = await freePort(0);
  const uiPort = await freePort(0);
  // The shell ends the server when its standard input closes, so also when jest is killed.
  const child = spawn(
    "/bin/sh",
    ["-c", '"$@" & server=$!; cat > /dev/null; kill -9 $server', "sh", temporal].concat(
      ["server", "start-dev", "--ip", "127.0.0.1", "--port", String(port), "--ui-port", String(uiPort)],
      ["--log-level", "error"],
      DEV_SERVER_OPTIONS,
    ),
    { stdio: ["pipe", "ignore", "ignore"] },
  );
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  (globalThis as { temporalServer?: ChildProcess }).temporalServer = child;
  process.env.TIDEMARK_TEST_ADDRESS = `127.0.0.1:${port}`;
  process.env.TIDEMARK_TEST_TMP = mkdtempSync(join(tmpdir(), "tidemark-test-"));
  const [bundle] = await Promise.all([
    workflowBundle(cacheDir(process.env)),
    // For the tests that start bin/tidemark.
    promisify(execFile)(process.execPath, [join(__dirname, "..", "..", "setup", "build.cjs")]),
    untilUp(`127.0.0.1:${port}`),
    startWarehouse(),
  ]);
  process.env.TIDEMARK_TEST_BUNDLE = bundle;
}

/** The Databricks lane: one stand-in for all test files, unless there is a real warehouse. */
async function startWarehouse(): Promise<void> {
  if (process.env.TIDEMARK_LANE !== "databricks" || process.env.DATABRICKS_HOST) return;
  const { stop, log, mark, control, ...address } = await startStandin(LANE_SETTINGS);
  (globalThis as { standin?: Pick<OwnStandin, "stop"> }).standin = { stop };
  process.env.TIDEMARK_TEST_STANDIN = JSON.stringify(address);
}

async function untilUp(address: string): Promise<void> {
  for (let tries = 0; ; tries++) {
    try {
      const connection = await Connection.connect({ address, connectTimeout: 1_000 });
      await connection.workflowService.describeNamespace({ namespace: "default" });
      await connection.close();
      return;
    } catch (error) {
      if (tries > 150) throw error;
      await delay(100);
    }
  }
}
