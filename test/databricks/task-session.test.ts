/**
 * `load_mode: spark` in a job's task and in the notebook, through the Spark session that is there: no warehouse, no token.
 * The session is a real one, of a Spark with Delta that nobody else has.
 */
import { execFile, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { openWarehouse } from "../../src/destinations/databricks/client";
import { closePools } from "../../src/destinations/databricks/session-pool";
import type { DatabricksDestination } from "../../src/destinations/databricks/spec";
import { toolPaths } from "../../src/tools";
import { standinFolder } from "../support/databricks/standin";
import { newProject, REPOSITORY } from "../support/project";

jest.setTimeout(420_000);

const DRIVER = join(REPOSITORY, "test", "support", "databricks", "task.py");
const TEMPORAL = String(toolPaths(process.env).temporal);

interface Ended {
  code: number;
  out: string;
  err: string;
}

async function inTask(label: string, args: string[], env: NodeJS.ProcessEnv): Promise<Ended> {
  const home = await standinFolder();
  const { folder, env: own } = newProject(label);
  const root = join(folder, "spark");
  mkdirSync(root);
  return await new Promise(done => {
    const given = {
      ...own,
      TIDEMARK_PIPELINES: join(REPOSITORY, "pipelines"),
      DBX_ROOT: root,
      DBX_JARS: join(home, "jars"),
      PYTHONDONTWRITEBYTECODE: "1",
      // the workspace's, which is in messages and in the identity of the destination, and is not asked
      DATABRICKS_HOST: "workspace.invalid",
      ...env,
    };
    execFile(
      join(home, "venv", "bin", "python"),
      [DRIVER, ...args],
      { cwd: folder, env: given, maxBuffer: 1 << 26 },
      (error, out, err) => done({ code: error === null ? 0 : Number(error.code ?? 1), out, err }),
    );
  });
}

test("a task with --spark loads and keeps its state, without a warehouse", async () => {
  const load = [
    `--root=${REPOSITORY}`,
    `--temporal=${TEMPORAL}`,
    "--spark",
    "--env=DLT_DESTINATION=databricks",
    "--env=DATABRICKS_CATALOG=main",
    "--env=DLT_DATASET_NAME=raw_task",
    ...["--", "run", "merge_demo", "--no-transform"],
  ];
  const script = join(REPOSITORY, "bundle", "tidemark_task.py");
  const { code, out, err } = await inTask("task", ["task", script, ...load], {
    LOOK: [
      "SELECT count(*), count(DISTINCT id), min(updated_at), max(name) FROM main.raw_task.customers",
      "SELECT count(*) FROM main.raw_task._dlt_loads",
      "SELECT count(*) FROM main.raw_task._dlt_pipeline_state",
    ].join(";"),
  });
  expect({ code, err: code === 0 ? "" : err + out }).toEqual({ code: 0, err: "" });
  expect(out).toMatch(/raw_task\.customers \| 12 12 2026-01-03 08:15:00 Lucia Shoal/);
  expect(out).toMatch(/_dlt_loads \| 1$/m);
  expect(out).toMatch(/_dlt_pipeline_state \| 1$/m);
});

test("the notebook loads with nothing set but a catalog that is there", async () => {
  const { code, out, err } = await inTask(
    "notebook",
    ["notebook", join(REPOSITORY, "notebooks", "load.py")],
    {
      TIDEMARK_ROOT: REPOSITORY,
      DATABRICKS_CATALOG: "main",
      PATH: `${join(TEMPORAL, "..")}:${process.env.PATH}`,
      LOOK: "SELECT count(*) FROM main.raw.customers",
    },
  );
  expect({ code, err: code === 0 ? "" : err + out }).toEqual({ code: 0, err: "" });
  expect(out).toMatch(/main\.raw\.customers \| 12$/m);
});

test("values come as from a warehouse; a statement ends with the run that wanted it; nobody else is let in", async () => {
  const home = await standinFolder();
  const root = join(newProject("served").folder, "spark");
  mkdirSync(root);
  const served = spawn(join(home, "venv", "bin", "python"), [DRIVER, "serve", join(REPOSITORY, "bundle")], {
    env: { ...process.env, DBX_ROOT: root, DBX_JARS: join(home, "jars"), PYTHONDONTWRITEBYTECODE: "1" },
    stdio: ["pipe", "pipe", "ignore"],
  });
  try {
    const line = await new Promise<string>(said => createInterface(served.stdout).once("line", said));
    const { DATABRICKS_SESSION_URL: url, DATABRICKS_SESSION_TOKEN: token } = JSON.parse(line);
    const spec = {
      type: "databricks",
      server_hostname: "workspace.invalid",
      http_path: "",
      catalog: "main",
      load_mode: "spark",
      session_url: url,
      session_token: token,
    } as unknown as DatabricksDestination;
    const ended = new AbortController();
    const open = (signal = new AbortController().signal, of = spec) =>
      openWarehouse(of, { signal, onProgress: () => {} });
    {
      await using db = await open();
      const [row] = await db.run(
        "SELECT 9007199254740993 AS big, 12 AS small, CAST(1.50 AS DECIMAL(9,2)) AS d, CAST('NaN' AS DOUBLE) AS nan, " +
          "TIMESTAMP '2026-01-02 03:04:05Z' AS t, DATE '2026-01-02' AS day, 'ü`\\'' AS text, NULL AS nothing, true AS yes",
        "looking",
      );
      expect(row).toEqual({
        ...{
          big: 9007199254740993n,
          small: 12,
          d: "1.50",
          nan: Number.NaN,
          text: "ü`'",
          nothing: null,
          yes: true,
        },
        t: new Date("2026-01-02T03:04:05Z"),
        day: new Date("2026-01-02"),
      });
      await expect(db.run("SELECT * FROM main.nowhere.t", "looking")).rejects.toMatchObject({
        condition: expect.stringMatching(/NOT_FOUND/),
      });
    }
    {
      await using db = await open(ended.signal);
      const slow = db.run("SELECT count(*) FROM range(100000000000000)", "counting");
      slow.catch(() => undefined);
      await delay(3_000);
      const before = performance.now();
      ended.abort(new Error("the run was cancelled"));
      await expect(slow).rejects.toThrow("the run was cancelled");
      expect(performance.now() - before).toBeLessThan(10_000);
    }
    {
      await using db = await open(undefined, { ...spec, session_token: "guessed" });
      await expect(db.run("SELECT 1", "looking")).rejects.toMatchObject({ code: "DESTINATION_DENIED" });
    }
  } finally {
    await closePools();
    served.stdin.end();
    served.kill();
  }
});
