/** The command line against real parts: what a person types, sees, and gets as exit codes. */
import { execFileSync } from "node:child_process";
import { unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startJsonPlaceholder } from "../../demo/jsonplaceholder";
import { runsQuery } from "../../src/pipeline/search-attributes";
import { type Dev, startDev, tidemark } from "../support/cli";
import { newProject, type Project, REPOSITORY } from "../support/project";

const posts = (url: string) => ({
  pipeline_name: "posts",
  source: {
    type: "rest_api",
    name: "rest_api",
    client: { base_url: url, paginator: { type: "single_page" } },
    resource_defaults: { write_disposition: "merge", primary_key: "id" },
    resources: [
      { name: "rest_posts", endpoint: { path: "posts" } },
      { name: "rest_comments", endpoint: { path: "posts/{resources.rest_posts.id}/comments" } },
    ],
  },
});

/** Customers, of which each call waits for its gate, so that a run can be held open. */
const CUSTOMERS = `
const rows = Array.from({ length: 90 }, (_, i) => ({
  id: i, name: "customer " + i, updated_at: new Date(Date.UTC(2026, 0, 1 + i)).toISOString().slice(0, 10) + "T00:00:00Z",
}));
exports.customers = async function* ({ incremental, args, signal }) {
  const fs = require("node:fs");
  while (args.hold && fs.existsSync(args.hold) && !signal.aborted) await new Promise(done => setTimeout(done, 100));
  fs.appendFileSync(args.log, JSON.stringify({ from: incremental.start_value, to: incremental.end_value }) + "\\n");
  const from = incremental.start_value, to = incremental.end_value;
  yield rows.filter(row => (!from || row.updated_at >= from) && (!to || row.updated_at < to));
};
`;

function customers(project: Project): object {
  writeFileSync(join(project.folder, "pipelines", "customers-source.js"), CUSTOMERS);
  return {
    pipeline_name: "customers",
    source: {
      type: "code",
      name: "shop",
      module: "customers-source.js",
      resources: [
        {
          name: "customers",
          write_disposition: "merge",
          primary_key: "id",
          incremental: { cursor_path: "updated_at", initial_value: "2026-01-01T00:00:00Z" },
          args: { log: join(project.folder, "asked.jsonl"), hold: join(project.folder, "hold") },
        },
      ],
    },
  };
}

describe("without a server", () => {
  test("a bad spec lists every problem with its path and the nearest name, starts nothing, exits 2", async () => {
    const project = newProject("bad-spec");
    project.writeSpec("bad", {
      pipeline_nam: "x",
      source: {
        type: "rest_api",
        client: { base_url: "http://127.0.0.1:1", paginater: "single_page" },
        resources: [
          { name: "a", endpoint: { path: "a/{resources.nobody.id}" } },
          { name: "b", endpoint: { path: "b", paginator: { type: "page_numbr" } } },
        ],
      },
    });
    const { code, stderr } = await tidemark(project, ["run", "bad"]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/pipeline_nam.*did you mean "pipeline_name"/);
    expect(stderr).toMatch(/source\.client\.paginater.*did you mean "paginator"/);
    expect(stderr).toMatch(/resources\[0\].*nobody/);
    expect(stderr).toMatch(/resources\[1\].*paginator.*page_number/);
    expect(stderr).toContain("SPEC_INVALID");
    expect(() => execFileSync("ls", [join(project.folder, "home")], { stdio: "pipe" })).toThrow();
  });

  test("an unknown pipeline names the nearest one and exits 2", async () => {
    const project = newProject("unknown");
    project.writeSpec("rest_api_demo", {});
    const { code, stderr, stdout } = await tidemark(project, ["run", "rest_api_dmo", "--json"]);
    expect(code).toBe(2);
    expect(stderr).toContain('did you mean "rest_api_demo"?');
    expect(JSON.parse(stdout).error).toMatchObject({ code: "SPEC_NOT_FOUND" });
  });

  test("help has examples; a missing argument is bad usage", async () => {
    const project = newProject("usage");
    expect((await tidemark(project, ["--help"])).stdout).toContain("tidemark run rest_api_demo");
    expect((await tidemark(project, ["run"])).code).toBe(2);
    const asJson = await tidemark(project, ["run", "--json"]);
    expect(asJson.code).toBe(2);
    expect(JSON.parse(asJson.stdout)).toEqual({
      error: { code: "USAGE", message: "missing required argument 'pipeline'" },
    });
  });

  test("one run from nothing: server, worker, rows, summary; a second run updates", async () => {
    const api = await startJsonPlaceholder({});
    const project = newProject("one-run");
    project.writeSpec("posts", { ...posts(api.url), dataset_name: "GitHubData" });
    const first = await tidemark(project, ["run", "posts"]);
    expect(first.stderr).not.toMatch(/at .*\.ts/);
    expect(first.code).toBe(0);
    expect(first.stdout).toMatch(/rest_posts\s*│\s*100\s*│\s*100\s*│\s*0/);
    expect(first.stdout).toMatch(/rest_comments\s*│\s*500\s*│\s*500/);
    const second = await tidemark(project, ["run", "posts", "--json"]);
    const result = JSON.parse(second.stdout);
    expect(result.load.tables).toContainEqual({
      table: "rest_posts",
      rows: 100,
      inserted: 0,
      updated: 100,
      deleted: 0,
    });
    expect(await project.query("SELECT count(*) AS n FROM git_hub_data.rest_comments")).toEqual([
      { n: "500" },
    ]);
    // the dataset by its stored name, for who asks afterwards
    const state = await tidemark(project, ["state", "posts", "--json"]);
    expect(JSON.parse(state.stdout)).toMatchObject({ dataset_name: "GitHubData", dataset_exists: true });
    await api.close();
  });

  test("a source that cannot be reached: exit 1, nothing half-loaded, no secret told", async () => {
    const project = newProject("unreachable");
    const spec = posts("http://127.0.0.1:9") as { source: { client: object } };
    spec.source.client = {
      base_url: "http://127.0.0.1:9",
      auth: { type: "bearer", token: { env: "MY_TOKEN" } },
    };
    project.writeSpec("posts", { ...spec, retry: { http_attempts: 1, activity_attempts: 1 } });
    const { code, stderr, stdout } = await tidemark(project, ["run", "posts"], {
      MY_TOKEN: "s3cr3t-planted",
    });
    expect(code).toBe(1);
    expect(stderr).toContain("HTTP_UNREACHABLE");
    expect(stderr + stdout).not.toContain("s3cr3t-planted");
  });
});

describe("beside `tidemark dev`", () => {
  let project: Project;
  let dev: Dev;
  let api: Awaited<ReturnType<typeof startJsonPlaceholder>>;

  beforeAll(async () => {
    api = await startJsonPlaceholder({});
    project = newProject("dev");
    project.writeSpec("rest_api_demo", { ...posts(api.url), pipeline_name: "rest_api_demo" });
    project.writeSpec("customers", customers(project));
    dev = await startDev(project);
  });
  afterAll(async () => {
    await dev.stop();
    await api.close();
  });

  const temporal = async (...args: string[]) => {
    const done = await tidemark(project, ["temporal", ...args]);
    if (done.code !== 0) throw new Error(done.stderr + done.stdout);
    return done.stdout;
  };
  /** As the README has it: the stock Temporal CLI and a pipeline's name. */
  const start = (id: string, input: string) =>
    temporal(
      ...["workflow", "start", "--type", "pipeline", "--task-queue", project.queue],
      ...["--workflow-id", id, "--input", input],
    );
  const resultOf = async (id: string) =>
    JSON.parse(await temporal("workflow", "result", "-w", id, "-o", "json")).result;

  test("plain `temporal workflow start` completes with counts and cursors", async () => {
    await start("w1", '{"pipeline":"rest_api_demo"}');
    const result = await resultOf("w1");
    expect(result.load.tables).toContainEqual(expect.objectContaining({ table: "rest_posts", rows: 100 }));
    await start("w2", '{"pipeline":"customers"}');
    const cursors = (await resultOf("w2")).cursors;
    expect(cursors).toEqual([
      {
        resource: "customers",
        cursor_path: "updated_at",
        value: { type: "text", text: "2026-03-31T00:00:00Z" },
      },
    ]);
  });

  test("an inline spec works; one with a literal secret is refused with what to do", async () => {
    const inline = JSON.stringify({ pipeline: { ...posts(api.url), pipeline_name: "inline" } });
    await start("w3", inline);
    expect((await resultOf("w3")).pipeline_name).toBe("inline");
    const bad = posts(api.url) as { pipeline_name: string; source: { client: object } };
    bad.source.client = { base_url: api.url, auth: { type: "bearer", token: "planted-literal-token" } };
    await start("w4", JSON.stringify({ pipeline: bad }));
    const failed = await tidemark(project, ["temporal", "workflow", "result", "-w", "w4"]);
    expect(failed.stdout + failed.stderr).toMatch(/rotate that secret/);
    const query = runsQuery({ TidemarkPipeline: bad.pipeline_name, status: "Failed" });
    const found = await temporal("workflow", "list", "--query", query, "-o", "json");
    expect(
      JSON.parse(found).map((one: { execution: { workflowId: string } }) => one.execution.workflowId),
    ).toEqual(["w4"]);
  });

  test("`tidemark run` uses dev's worker and starts none", async () => {
    const run = await tidemark(project, ["run", "rest_api_demo", "--json"]);
    expect(run.code).toBe(0);
    const history = JSON.parse(
      await temporal("workflow", "show", "-w", "tidemark-rest_api_demo", "-o", "json"),
    );
    const identities = history.events
      .map(
        (event: { activityTaskStartedEventAttributes?: { identity: string } }) =>
          event.activityTaskStartedEventAttributes?.identity,
      )
      .filter(Boolean);
    expect(new Set(identities)).toEqual(
      new Set([expect.stringContaining(`tidemark-dev ${dev.child.pid}@${require("node:os").hostname()}`)]),
    );
  });

  test("backfill by signal during a held run, and by signal-with-start when idle, loads exactly the range", async () => {
    const hold = join(project.folder, "hold");
    writeFileSync(hold, "");
    await start("held", '{"pipeline":"customers"}');
    const range = '{"resource":"customers","from":"2026-02-01","to":"2026-02-11"}';
    await temporal("workflow", "signal", "-w", "held", "--name", "backfill", "--input", range);
    unlinkSync(hold);
    const result = await resultOf("held");
    expect(result.backfills).toEqual([
      expect.objectContaining({ resource: "customers", status: "done", rows: 10 }),
    ]);
    const loads = await project.query(
      `SELECT min(updated_at)::VARCHAR AS first, max(updated_at)::VARCHAR AS last, count(*) AS n FROM raw.customers WHERE _dlt_load_id = '${result.backfills[0].load_id}'`,
    );
    expect(loads).toEqual([expect.objectContaining({ n: "10" })]);
    expect(String(loads[0]!.first)).toContain("2026-02-01");
    expect(String(loads[0]!.last)).toContain("2026-02-10");
    // The live cursor stayed, and so did the number of rows.
    expect(result.cursors[0].value.text).toBe("2026-03-31T00:00:00Z");
    expect(await project.query("SELECT count(*) AS n FROM raw.customers")).toEqual([{ n: "90" }]);

    await temporal(
      "workflow",
      "signal-with-start",
      "-w",
      "idle",
      "--type",
      "pipeline",
      "-t",
      project.queue,
      "--signal-name",
      "backfill",
      "--signal-input",
      range,
      "--input",
      '{"pipeline":"customers","load":false}',
    );
    const idle = await resultOf("idle");
    expect(idle.load).toBeUndefined();
    expect(idle.backfills).toEqual([expect.objectContaining({ status: "done", rows: 10 })]);
    const state = JSON.parse((await tidemark(project, ["state", "customers", "--json"])).stdout);
    expect(state.cursors[0].value.text).toBe("2026-03-31T00:00:00Z");
  });

  test("`tidemark backfill` refuses what would double rows, with the reason", async () => {
    const refused = await tidemark(project, [
      "backfill",
      "customers",
      "--resource",
      "custmers",
      "--from",
      "2026-01-01",
    ]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('did you mean "customers"?');
  });

  test("Ctrl-C of a run cancels the workflow cleanly", async () => {
    const hold = join(project.folder, "hold");
    writeFileSync(hold, "");
    const { spawn } = require("node:child_process") as typeof import("node:child_process");
    const child = spawn(process.execPath, [join(REPOSITORY, "bin", "tidemark"), "run", "customers"], {
      cwd: project.folder,
      env: project.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    child.stderr.on("data", data => {
      said += data;
    });
    while (!said.includes("resolve: done")) await new Promise(done => setTimeout(done, 100));
    await new Promise(done => setTimeout(done, 1_000));
    child.kill("SIGINT");
    const code = await new Promise(done => child.once("exit", done));
    unlinkSync(hold);
    expect(code).toBe(130);
    const described = JSON.parse(
      await temporal("workflow", "describe", "-w", "tidemark-customers", "-o", "json"),
    );
    expect(described.workflowExecutionInfo.status).toBe("WORKFLOW_EXECUTION_STATUS_CANCELED");
  });
});
