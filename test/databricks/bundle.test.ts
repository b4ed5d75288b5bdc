/** Every command of databricks.yml and app.yaml, run here as it stands there, with the stand-in as the warehouse. */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "yaml";
import { startJsonPlaceholder } from "../../demo/jsonplaceholder";
import { freePort } from "../../src/dev-server";
import { splitCommand } from "../../src/gate/review";
import { toolPaths } from "../../src/tools";
import { type BundleTask, filled, readApp, readBundle } from "../support/databricks/bundle";
import { connectionEnv } from "../support/databricks/connection";
import { loadClaimsSample } from "../support/databricks/samples";
import { freshDataset, onRealWarehouse, useStandin, warehouseSpec } from "../support/databricks/use-standin";
import { newProject, type Project, REPOSITORY } from "../support/project";

jest.setTimeout(420_000);
const standin = useStandin();
const onStandin = onRealWarehouse ? test.skip : test;
const bundle = readBundle();
const dataset = freshDataset();
let project: Project;
let volumes: string;
let values: { [reference: string]: string };
let app: ChildProcess | undefined;
let api: Awaited<ReturnType<typeof startJsonPlaceholder>> | undefined;

beforeAll(async () => {
  if (onRealWarehouse) return;
  await loadClaimsSample(warehouseSpec());
  project = newProject("bundle");
  volumes = join(project.folder, "Volumes");
  values = {
    "bundle.target": "prod",
    "workspace.file_path": REPOSITORY,
    "var.warehouse_id": "standin",
    "var.catalog": standin().catalog,
    "var.schema": `analytics_${dataset}`,
    "var.dataset": dataset,
    "var.secret_scope": "tidemark",
    "var.pipeline": "rest_api_demo",
    "job.run_id": "550315892394120",
    "job.start_time.iso_datetime": new Date().toISOString(),
  };
  mkdirSync(join(volumes, standin().catalog, `analytics_${dataset}`, "tidemark_runs"), { recursive: true });
  // The checked-in pipeline, with the local server's address in place of the public one.
  api = await startJsonPlaceholder({});
  const spec = parse(readFileSync(join(REPOSITORY, "pipelines", "rest_api_demo.yaml"), "utf8"));
  spec.source.client.base_url = `${api.url}/`;
  project.writeSpec("rest_api_demo", spec);
});
afterAll(async () => {
  if (app !== undefined && app.exitCode === null) {
    const ended = new Promise(done => app!.once("exit", done));
    // the group: npm does not always pass a signal on to what it started
    process.kill(-app.pid!, "SIGTERM");
    await ended;
  }
  await api?.close();
});

const task = (key: string): BundleTask =>
  bundle.resources.jobs.tidemark!.tasks.find(one => one.task_key === key)!;
/** The paths of Volumes lie below a local folder; all else is as the job has it. */
const local = (text: string): string => filled(text, values).replaceAll("/Volumes/", `${volumes}/`);

function start(file: string, args: string[], env: NodeJS.ProcessEnv, cwd: string) {
  return new Promise<{ code: number; out: string; err: string }>(done => {
    execFile(file, args, { cwd, env, maxBuffer: 1 << 26 }, (error, out, err) =>
      done({ code: error === null ? 0 : Number(error.code ?? 1), out, err }),
    );
  });
}

/** What the workspace gives to a task: its host and the token of the principal it runs as. */
function given(): NodeJS.ProcessEnv {
  const { DATABRICKS_HOST, DATABRICKS_TOKEN, DATABRICKS_CA_FILE } = connectionEnv(warehouseSpec());
  return {
    ...project.env,
    DATABRICKS_HOST,
    DATABRICKS_TOKEN,
    DATABRICKS_CA_FILE,
    TEMPORAL_ADDRESS: process.env.TIDEMARK_TEST_ADDRESS,
    TEMPORAL_NAMESPACE: "default",
    TEMPORAL_API_KEY: "",
  };
}

const python = () => toolPaths(process.env).dbtDatabricksPython!;

function pythonTask(key: string) {
  const { python_file, parameters } = task(key).spark_python_task!;
  return start(python(), [join(REPOSITORY, python_file), ...parameters.map(local)], given(), project.folder);
}

onStandin(
  "the app's command: a worker that answers on the app's port, as the app's service principal",
  async () => {
    const port = await freePort(0);
    const { DATABRICKS_HOST, DATABRICKS_CA_FILE } = connectionEnv(warehouseSpec());
    const granted: { [resource: string]: string } = {
      warehouse: "standin",
      "temporal-address": String(process.env.TIDEMARK_TEST_ADDRESS),
      "temporal-namespace": "default",
      "temporal-api-key": "",
    };
    const env = readApp().env.map(one => [one.name, "value" in one ? one.value : granted[one.valueFrom]]);
    const [program, ...args] = readApp().command;
    app = spawn(program!, args, {
      cwd: REPOSITORY,
      env: {
        ...project.env,
        ...Object.fromEntries(env),
        DATABRICKS_CATALOG: standin().catalog,
        DATABRICKS_HOST,
        DATABRICKS_CA_FILE,
        DATABRICKS_CLIENT_ID: standin().client.id,
        DATABRICKS_CLIENT_SECRET: standin().client.secret,
        DATABRICKS_APP_PORT: String(port),
        DLT_DATASET_NAME: dataset,
      },
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
    });
    let said = "";
    app.stdout!.on("data", data => {
      said += data;
    });
    app.stderr!.on("data", data => {
      said += data;
    });
    for (let tries = 0; !said.includes("Worker ready"); tries++) {
      if (tries > 600) throw new Error(said);
      await sleep(100);
    }
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ alive: true, ready: true });
  },
);

onStandin("ingest starts the workflow, the app's worker does it, its result is the task's", async () => {
  const { code, out, err } = await pythonTask("ingest");
  expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
  const result = JSON.parse(out.slice(out.indexOf("{")));
  expect(result).toMatchObject({ pipeline_name: "rest_api_demo" });
  expect(result.load.tables).toContainEqual(expect.objectContaining({ table: "rest_comments", rows: 500 }));
});

onStandin(
  "dbt_build: its commands, with a profile for the warehouse, catalog and schema of the task",
  async () => {
    const dbt = task("dbt_build").dbt_task!;
    const folder = join(REPOSITORY, dbt.project_directory);
    const env = {
      ...given(),
      DATABRICKS_WAREHOUSE_ID: local(dbt.warehouse_id),
      DATABRICKS_CATALOG: local(dbt.catalog),
      DATABRICKS_SCHEMA: local(dbt.schema),
      PYTHONDONTWRITEBYTECODE: "1",
    };
    for (const command of dbt.commands) {
      const [, ...args] = splitCommand(local(command));
      const target = args.includes("--target-path") ? [] : ["--target-path", join(project.folder, "target")];
      const profile = [
        "--profiles-dir",
        folder,
        "--target",
        "databricks",
        "--log-path",
        join(project.folder, "logs"),
      ];
      const { code, out } = await start(
        python(),
        ["-m", "dbt.cli.main", ...args, ...target, ...profile],
        env,
        folder,
      );
      expect({ command, code, out: code === 0 ? "" : out }).toEqual({ command, code: 0, out: "" });
    }
  },
);

onStandin(
  "quality_gate reads the metrics anew; a block fails the task, and so do another run's results",
  async () => {
    const passed = await pythonTask("quality_gate");
    expect({ code: passed.code, err: passed.code === 0 ? "" : passed.err }).toEqual({ code: 0, err: "" });
    expect(passed.out).toMatch(/^PROMOTE, score 100/m);
    const { "job.run_id": run } = values;
    values["job.run_id"] = "1";
    const stale = await pythonTask("quality_gate");
    values["job.run_id"] = run!;
    expect(stale.code).toBe(2);
    expect(stale.err).toMatch(/is of job run 550315892394120, and job run 1 is to be judged/);
    const results = join(
      volumes,
      standin().catalog,
      `analytics_${dataset}`,
      "tidemark_runs",
      "prod",
      "run_results.json",
    );
    const read = JSON.parse(readFileSync(results, "utf8"));
    read.results[0].status = "error";
    writeFileSync(results, JSON.stringify(read));
    const blocked = await pythonTask("quality_gate");
    expect(blocked.code).toBe(1);
    expect(blocked.out).toMatch(/^BLOCK/m);
    expect(passed.out + passed.err + blocked.out + blocked.err).not.toContain(standin().token);
  },
);

onStandin("the job that needs a warehouse only: a server, a worker and dbt of the task's own", async () => {
  const [run] = readBundle("bundle/alone/databricks.yml").resources.jobs.tidemark_alone!.tasks;
  const { python_file, parameters } = run!.spark_python_task!;
  const { TEMPORAL_ADDRESS: _, TEMPORAL_NAMESPACE: __, TEMPORAL_API_KEY: ___, ...env } = given();
  const server = `${REPOSITORY}/bundle/alone/server/temporal`;
  const args = parameters.map(text => local(text).replace(server, String(toolPaths(process.env).temporal)));
  const { code, out, err } = await start(
    python(),
    [join(REPOSITORY, "bundle", "alone", python_file), ...args],
    { ...env, TIDEMARK_TEMPORAL_PORT: "0", TIDEMARK_UI_PORT: "0" },
    project.folder,
  );
  expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
  const result = JSON.parse(out.slice(out.indexOf("{")));
  expect(result).toMatchObject({ pipeline_name: "rest_api_demo", gate: { decision: "promote" } });
});
