/** A DuckDB file that a notebook holds open: said at once, by whom, and until when it is waited for. */
import { spawn } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { startJsonPlaceholder } from "../../demo/jsonplaceholder";
import { tidemark } from "../support/cli";
import { holdFile } from "../support/duckdb";
import { newProject, REPOSITORY } from "../support/project";

const TIDEMARK = join(REPOSITORY, "bin", "tidemark");

test("is told to who reads lines and to who reads JSON, and the wait ends with its code", async () => {
  const api = await startJsonPlaceholder({});
  const project = newProject("held-file");
  project.writeSpec("posts", {
    pipeline_name: "posts",
    destination: { type: "duckdb", path: project.duckdb, busy_timeout_seconds: 5 },
    source: {
      type: "rest_api",
      name: "rest_api",
      client: { base_url: api.url, paginator: "single_page" },
      resources: [{ name: "rest_posts", endpoint: { path: "posts" } }],
    },
    retry: { activity_attempts: 1 },
  });
  const holder = await holdFile(project.duckdb);
  try {
    const child = spawn(process.execPath, [TIDEMARK, "run", "posts", "--json"], {
      cwd: project.folder,
      env: project.env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let printed = "";
    let toldAt = 0;
    let said = "";
    child.stdout.on("data", data => {
      printed += data;
    });
    child.stderr.on("data", data => {
      said += data;
      if (/waiting for the file/.test(said)) toldAt ||= Date.now();
    });
    const code = await new Promise(done => child.once("close", done));
    expect(code).toBe(1);
    expect(said).toMatch(
      new RegExp(
        `waiting for the file data\\.duckdb: held by \\S+ \\(process ${holder.pid}\\); gives up at \\d\\d:\\d\\d:\\d\\d UTC, after 5 s .*; attempt 1 of 1\n`,
      ),
    );
    const gaveUpAt = Date.parse(
      `${new Date(toldAt).toISOString().slice(0, 11)}${/at (\S+) UTC/.exec(said)![1]}Z`,
    );
    // Told within three seconds of the five that it waits; the end is said in whole seconds.
    expect(gaveUpAt - toldAt).toBeGreaterThan(1_000);
    expect(JSON.parse(printed)).toEqual({
      error: {
        code: "DESTINATION_BUSY",
        step: "extract",
        message: expect.stringContaining(`process ${holder.pid}`),
      },
    });
  } finally {
    await holder.release();
    await api.close();
  }
});

const ROWS = `exports.rows = async function* () { yield [{ id: 1, updated_at: "2026-01-02T00:00:00Z" }]; };`;

describe("commands at a file that was loaded", () => {
  const project = newProject("held-again");
  const spec = (busy_timeout_seconds: number) =>
    project.writeSpec("shop", {
      pipeline_name: "shop",
      destination: { type: "duckdb", path: project.duckdb, busy_timeout_seconds },
      source: {
        type: "code",
        name: "shop",
        module: "rows.js",
        resources: [
          {
            name: "rows",
            write_disposition: "merge",
            primary_key: "id",
            incremental: { cursor_path: "updated_at", initial_value: "2026-01-01T00:00:00Z" },
          },
        ],
      },
    });
  beforeAll(async () => {
    writeFileSync(join(project.folder, "pipelines", "rows.js"), ROWS);
    spec(1.5);
    expect((await tidemark(project, ["run", "shop"])).code).toBe(0);
  });

  test("state, report and publish tell once who holds it, and end with that", async () => {
    const holder = await holdFile(project.duckdb);
    const commands = [
      ["state", "shop", "--json"],
      ["report", "shop"],
      ["publish", "shop"],
    ];
    try {
      const [state, report, publish] = await Promise.all(commands.map(args => tidemark(project, args)));
      for (const { stderr } of [state!, report!, publish!])
        expect(stderr.match(/^waiting for the file data\.duckdb: held by .*$/gm)).toEqual([
          expect.stringContaining(`(process ${holder.pid}); gives up at `),
        ]);
      expect(JSON.parse(state!.stdout).error).toMatchObject({ code: "DESTINATION_BUSY" });
      for (const { code, stderr } of [state!, publish!])
        expect({ code, busy: stderr.includes("(DESTINATION_BUSY)") }).toEqual({ code: 1, busy: true });
      // A page without what the destination knows, which it says.
      expect(report!.code).toBe(0);
      expect(readFileSync(report!.stdout.trim(), "utf8")).toContain(`(process ${holder.pid})`);
    } finally {
      await holder.release();
    }
  });

  test("who only reads holds up who writes, not who reads; when it goes, a backfill goes on", async () => {
    spec(60);
    const holder = await holdFile(project.duckdb, "READ_ONLY");
    try {
      const state = await tidemark(project, ["state", "shop"]);
      expect(state).toMatchObject({ code: 0, stderr: "" });
      const range = ["--resource", "rows", "--from", "2026-01-01T00:00:00Z", "--to", "2026-02-01T00:00:00Z"];
      const child = spawn(process.execPath, [TIDEMARK, "backfill", "shop", ...range, "--json"], {
        cwd: project.folder,
        env: project.env,
        stdio: ["ignore", "pipe", "pipe"],
      });
      let printed = "";
      child.stdout.on("data", data => {
        printed += data;
      });
      const told = new Promise<string>(done => {
        let said = "";
        child.stderr.on("data", data => {
          said += data;
          if (said.includes("gives up at")) done(said);
        });
      });
      const ended = new Promise(done => child.once("close", done));
      expect(await told).toContain(`(process ${holder.pid})`);
      await holder.release();
      expect(await ended).toBe(0);
      expect(JSON.parse(printed).error).toBeUndefined();
    } finally {
      await holder.release();
    }
  });
});
