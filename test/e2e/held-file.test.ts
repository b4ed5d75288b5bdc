/** A DuckDB file that a notebook holds open: said at once, by whom, and until when it is waited for. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { startJsonPlaceholder } from "../../demo/jsonplaceholder";
import { holdFile } from "../support/duckdb";
import { newProject, REPOSITORY } from "../support/project";

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
    const child = spawn(process.execPath, [join(REPOSITORY, "bin", "tidemark"), "run", "posts", "--json"], {
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
