/** databricks.yml: valid field by field, and every reference in it leads somewhere. Its commands run in the lane. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { loadConfig } from "../../../src/config";
import { filled, readApp, readBundle } from "../../support/databricks/bundle";
import { REPOSITORY } from "../../support/project";

const bundle = readBundle();
const app = readApp();
const job = bundle.resources.jobs.tidemark!;
const worker = bundle.resources.apps!.worker!;
const alone = readBundle("bundle/alone/databricks.yml");

test("three tasks, each after the one before; the gate also after a failed build", () => {
  expect(
    job.tasks.map(task => [task.task_key, task.depends_on?.map(on => on.task_key), task.run_if]),
  ).toEqual([
    ["ingest", undefined, undefined],
    ["dbt_build", ["ingest"], undefined],
    ["quality_gate", ["dbt_build"], "ALL_DONE"],
  ]);
  const known = job.environments.map(one => one.environment_key);
  for (const task of job.tasks) expect(known).toContain(task.environment_key);
});

test("targets dev and prod; the reference's variables with its defaults", () => {
  expect(Object.keys(bundle.targets)).toEqual(["dev", "prod"]);
  expect(bundle.targets.dev).toMatchObject({ mode: "development", default: true });
  expect(bundle.targets.prod).toMatchObject({ mode: "production" });
  const defaults = Object.entries(bundle.variables).map(([name, variable]) => [name, variable.default]);
  expect(Object.fromEntries(defaults)).toMatchObject({
    warehouse_id: undefined,
    catalog: "workspace",
    schema: "analytics",
  });
  for (const target of Object.values(bundle.targets)) {
    for (const name of Object.keys(target.variables ?? {})) expect(bundle.variables).toHaveProperty(name);
  }
});

const BUNDLES = [bundle, alone].flatMap(one =>
  Object.keys(one.targets).map(target => [one.bundle.name, target, one] as const),
);
test.each(BUNDLES)("bundle %s, target %s: every reference is defined", (_, target, bundle) => {
  const values: { [reference: string]: string } = {
    "bundle.target": target,
    "bundle.name": bundle.bundle.name,
    "workspace.current_user.userName": "robot@example.org",
    "workspace.file_path": "/Workspace/files",
    "job.run_id": "1",
    "job.start_time.iso_datetime": "2026-01-01T00:00:00Z",
  };
  for (const [name, variable] of Object.entries(bundle.variables)) {
    values[`var.${name}`] = bundle.targets[target]!.variables?.[name] ?? variable.default ?? "given";
  }
  const texts = JSON.stringify(bundle)
    .match(/"(?:[^"\\]|\\.)*"/g)!
    .map(text => JSON.parse(text) as string);
  expect(texts.filter(text => text.includes("${")).map(text => filled(text, values)).length).toBeGreaterThan(
    8,
  );
  expect(() => filled(`\${${"var.nobody"}}`, values)).toThrow("var.nobody");
});

test("files and programs that the tasks and the app name are there", () => {
  for (const task of job.tasks) {
    const { python_file } = task.spark_python_task ?? {};
    if (python_file !== undefined) expect(existsSync(join(REPOSITORY, python_file))).toBe(true);
    const project = task.dbt_task?.project_directory;
    if (project !== undefined) expect(existsSync(join(REPOSITORY, project, "dbt_project.yml"))).toBe(true);
  }
  for (const { spark_python_task } of alone.resources.jobs.tidemark_alone!.tasks) {
    expect(existsSync(join(REPOSITORY, "bundle", "alone", spark_python_task!.python_file))).toBe(true);
  }
  const { scripts } = JSON.parse(readFileSync(join(REPOSITORY, "package.json"), "utf8"));
  expect(app.command).toEqual(["npm", "run", "start"]);
  expect(scripts).toMatchObject({ start: "node bin/tidemark worker", build: "node setup/build.cjs" });
  // The job's dbt is the one that the tests run.
  const pinned = readFileSync(join(REPOSITORY, "setup", "requirements-dbt-databricks.txt"), "utf8").split(
    "\n",
  );
  const dbt = job.environments.find(one => one.environment_key === "dbt")!;
  expect(pinned).toEqual(expect.arrayContaining(dbt.spec.dependencies));
  // One version of each, whichever way the job comes.
  const both = job.environments.flatMap(one => one.spec.dependencies);
  const [own] = alone.resources.jobs.tidemark_alone!.environments;
  expect(own!.spec.dependencies).toEqual(both);
});

test("what the app takes from its resources is granted to it, and where it loads follows from the Volume", () => {
  const granted = worker.resources.map(resource => resource.name);
  const taken = app.env.flatMap(one => ("valueFrom" in one ? [one.valueFrom] : []));
  for (const name of taken) expect(granted).toContain(name);
  expect(taken).toContain("staging");
  const given = { DATABRICKS_VOLUME: "/Volumes/sales/raw_dev/_dlt_staging_load_volume" };
  expect(loadConfig(REPOSITORY, { ...given }).env).toMatchObject({
    DATABRICKS_CATALOG: "sales",
    DLT_DATASET_NAME: "raw_dev",
  });
  const own = { ...given, DLT_DATASET_NAME: "own" };
  expect(loadConfig(REPOSITORY, own)).toMatchObject({ datasetName: "own" });
  // No secret stands in either file.
  expect(app.env.filter(one => "value" in one && /KEY|TOKEN|SECRET/.test(one.name))).toEqual([]);
});
