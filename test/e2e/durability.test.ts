/** What must survive: a restart of the server between scheduled runs, lost state, a dropped dataset, a busy file. */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DuckDBInstance } from "@duckdb/node-api";
import { Client, Connection } from "@temporalio/client";
import type { RunResult } from "../../src/pipeline/infos";
import { type Dev, startDev, tidemark } from "../support/cli";
import { newProject, type Project, REPOSITORY } from "../support/project";

const SOURCE = `
const fs = require("node:fs");
exports.events = async function* ({ incremental, args }) {
  fs.appendFileSync(args.log, JSON.stringify(incremental?.start_value ?? null) + "\\n");
  const until = Number(fs.readFileSync(args.until, "utf8"));
  const rows = [];
  for (let i = incremental?.start_value ?? 0; i <= until; i++) rows.push({ no: i, tags: [{ t: i }] });
  yield rows;
};
`;

function eventsProject(label: string): Project {
  const project = newProject(label);
  writeFileSync(join(project.folder, "pipelines", "source.js"), SOURCE);
  writeFileSync(join(project.folder, "until"), "10");
  project.writeSpec("events", eventsSpec(project, "events"));
  return project;
}

function eventsSpec(project: Project, name: string, more: object = {}): object {
  return {
    pipeline_name: name,
    source: {
      type: "code",
      name: `src_${name}`,
      module: "source.js",
      resources: [
        {
          name,
          generator: "events",
          write_disposition: "append",
          incremental: { cursor_path: "no", initial_value: 0 },
          args: { log: join(project.folder, `${name}.log`), until: join(project.folder, "until") },
        },
      ],
    },
    ...more,
  };
}

const asked = (project: Project, name = "events") =>
  readFileSync(join(project.folder, `${name}.log`), "utf8")
    .trim()
    .split("\n")
    .map(line => JSON.parse(line));

async function execute(project: Project, ...statements: string[]): Promise<void> {
  const instance = await DuckDBInstance.create(project.duckdb);
  const connection = await instance.connect();
  for (const sql of statements) await connection.run(sql);
  connection.closeSync();
  instance.closeSync();
}

/** Triggers the schedule and waits for the run it started. */
async function triggered(dev: Dev): Promise<RunResult> {
  const connection = await Connection.connect({ address: dev.address });
  try {
    const client = new Client({ connection });
    const schedule = client.schedule.getHandle("tidemark-events");
    const before = (await schedule.describe()).info.numActionsTaken;
    // The SDK would say ALLOW_ALL, with which Temporal carries no last result over.
    await schedule.trigger("SKIP");
    for (;;) {
      const { info } = await schedule.describe();
      const last = info.recentActions.at(-1)?.action;
      if (info.numActionsTaken > before && last?.type === "startWorkflow") {
        return (await client.workflow.getHandle(last.workflow.workflowId).result()) as RunResult;
      }
      await new Promise(done => setTimeout(done, 200));
    }
  } finally {
    await connection.close();
  }
}

test("scheduled runs go on from the last one's cursor: server restarted, state rows deleted, dataset dropped", async () => {
  const project = eventsProject("schedule");
  let dev = await startDev(project);
  try {
    const created = await tidemark(project, ["schedule", "events", "--every", "24h"]);
    expect(created.stdout).toContain("every 24h");
    const first = await triggered(dev);
    expect(first.cursors[0]?.value).toEqual({ type: "bigint", text: "10" });

    await dev.stop();
    dev = await startDev(project);
    writeFileSync(join(project.folder, "until"), "15");
    await triggered(dev);
    expect(asked(project)).toEqual([0, 10]);

    // History knows better than a destination that lost its state rows.
    await execute(project, "DELETE FROM raw._dlt_pipeline_state");
    writeFileSync(join(project.folder, "until"), "20");
    const third = await triggered(dev);
    expect(asked(project)).toEqual([0, 10, 15]);
    expect(third.load?.notes.join(" ")).toMatch(/history/);
    expect(await project.query("SELECT count(*) AS n, count(DISTINCT no) AS d FROM raw.events")).toEqual([
      { n: "21", d: "21" },
    ]);

    // A dropped dataset starts over: history's cursor ran ahead of rows that are gone.
    await execute(project, "DROP SCHEMA raw CASCADE");
    await triggered(dev);
    expect(asked(project)).toEqual([0, 10, 15, 0]);
    expect(await project.query("SELECT count(*) AS n FROM raw.events")).toEqual([{ n: "21" }]);
  } finally {
    await dev.stop();
  }
});

test("a foreign client that holds the file for 20 s is waited for, and named", async () => {
  const project = eventsProject("busy");
  await execute(project, "CREATE SCHEMA elsewhere");
  const holder = spawn(
    process.execPath,
    [
      "-e",
      `const { DuckDBInstance } = require(${JSON.stringify(require.resolve("@duckdb/node-api"))});
       DuckDBInstance.create(process.argv[1]).then(i => { global.kept = i; console.log("held"); setTimeout(() => process.exit(), 20000); });`,
      project.duckdb,
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  await new Promise<void>(up => holder.stdout.once("data", () => up()));
  const started = Date.now();
  const run = await tidemark(project, ["run", "events"]);
  expect(run.code).toBe(0);
  expect(Date.now() - started).toBeGreaterThan(15_000);
  expect(await project.query("SELECT count(*) AS n FROM raw.events")).toEqual([{ n: "11" }]);
});

test("four pipelines with dbt on one DuckDB file at once", async () => {
  const project = eventsProject("four");
  const names = ["one", "two", "three", "four"];
  const transform = {
    dbt: {
      project_dir: join(REPOSITORY, "dbt"),
      freshness: false,
      select: "stg_claims claims_sample_synthetic",
    },
  };
  for (const name of names) project.writeSpec(name, eventsSpec(project, name, { transform }));
  const dev = await startDev(project);
  try {
    const runs = await Promise.all(names.map(name => tidemark(project, ["run", name, "--json"])));
    for (const run of runs) {
      expect(run.stderr + run.stdout.slice(0, 500)).not.toContain('"error"');
      expect(run.code).toBe(0);
      expect((JSON.parse(run.stdout) as RunResult).dbt?.success).toBe(true);
    }
    for (const name of names)
      expect(await project.query(`SELECT count(*) AS n FROM raw.${name}`)).toEqual([{ n: "11" }]);
  } finally {
    await dev.stop();
  }
});

test("a package that failed to load stays pending; the next run loads it first and says so; abort drops it", async () => {
  const project = eventsProject("pending");
  const dev = await startDev(project);
  try {
    const spec = eventsSpec(project, "events", { retry: { activity_attempts: 1 } });
    project.writeSpec("events", spec);
    // A view of the table's name: the load cannot create the table.
    await execute(project, "CREATE SCHEMA raw", "CREATE VIEW raw.events AS SELECT 1 AS no");
    const failed = await tidemark(project, ["run", "events"]);
    expect(failed.code).toBe(1);
    expect((await tidemark(project, ["state", "events"])).stdout).toMatch(/pending package/);
    await execute(project, "DROP VIEW raw.events");
    const next = JSON.parse((await tidemark(project, ["run", "events", "--json"])).stdout) as RunResult;
    expect(next.load?.pending).toBe(true);
    expect(asked(project)).toHaveLength(1);
    expect(await project.query("SELECT count(*) AS n FROM raw.events")).toEqual([{ n: "11" }]);
  } finally {
    await dev.stop();
  }
});
