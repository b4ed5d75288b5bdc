/** A program that masks and filters in Python, taken over by `tidemark import`: the same tables as by dlt, nothing in the clear. */
import { execFile } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { parse } from "yaml";
import { toolPaths } from "../../src/tools";
import { tidemark } from "../support/cli";
import { newProject, type Project, queryFile } from "../support/project";

const run = promisify(execFile);
const PYTHON = toolPaths(process.env).parityPython!;

const PROGRAM = `
import dlt
from dlt.sources.rest_api import rest_api_source
from masks import hide

def load():
    source = rest_api_source({
        "client": {"base_url": dlt.config["api_url"]},
        "resources": [
            {
                "name": "people",
                "primary_key": "id",
                "write_disposition": "merge",
                "endpoint": {"path": "people", "paginator": "single_page", "incremental": {"cursor_path": "at", "initial_value": 0}},
                "processing_steps": [{"filter": lambda row: row["id"] != 2}],
            }
        ],
    }, name="crm")
    source.people.add_map(hide)
    pipeline = dlt.pipeline("crm", destination="duckdb", dataset_name="d")
    info = pipeline.run(source)
    print(info)
    info.raise_on_failed_jobs()
    with pipeline.sql_client() as client:
        print(client.execute_sql("SELECT count(*) FROM people"))

if __name__ == "__main__":
    load()
`;

test("masked as by dlt, twice, and the second run takes only what is new", async () => {
  const people = [1, 2, 3].map(id => ({ id, at: id, email: `p${id}@example.com`, tags: ["a"] }));
  const server = createServer((_, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(people));
  });
  await new Promise<void>(up => server.listen(0, "127.0.0.1", up));
  const base = `http://127.0.0.1:${(server.address() as { port: number }).port}/`;
  const project = newProject("import-python");
  const theirs = join(project.folder, "theirs");
  mkdirSync(join(theirs, ".dlt"), { recursive: true });
  writeFileSync(join(theirs, "crm.py"), PROGRAM);
  writeFileSync(join(theirs, "masks.py"), 'def hide(row):\n    row["email"] = "***"\n    return row\n');
  writeFileSync(join(theirs, ".dlt", "config.toml"), `api_url = "${base}"\n`);
  const ours = join(project.folder, "ours");
  cpSync(theirs, ours, { recursive: true });
  const here: Project = { ...project, folder: ours };
  const env = { VIRTUAL_ENV: dirname(dirname(PYTHON)) };
  const byDlt = (folder: string) =>
    run(PYTHON, ["crm.py"], {
      cwd: folder,
      env: {
        PATH: process.env.PATH,
        HOME: folder,
        DLT_DATA_DIR: join(project.folder, "dlt_data"),
        RUNTIME__DLTHUB_TELEMETRY: "false",
      },
    });
  const rows = (folder: string) =>
    queryFile(
      join(folder, "crm.duckdb"),
      'SELECT id, "at", email, (SELECT count(*) FROM d.people__tags AS t WHERE t._dlt_parent_id = p._dlt_id) AS tags FROM d.people AS p ORDER BY id',
    );
  try {
    const imported = await tidemark(here, ["import", "."], env);
    expect([imported.code, imported.stdout]).toEqual([
      0,
      expect.stringContaining("extracted by its own Python"),
    ]);
    expect(imported.stdout).toContain("crm.py:4: `masks.hide` comes from another file of the project");
    const spec = parse(readFileSync(join(project.folder, "pipelines", "crm.yaml"), "utf8"));
    expect(spec.source).toEqual({ type: "dlt", project_dir: ".", program: "crm.py" });

    for (const more of [[], [{ id: 4, at: 4, email: "p4@example.com", tags: ["a", "b"] }]]) {
      people.push(...more);
      await byDlt(theirs);
      const done = await tidemark(here, ["run", "crm"], env);
      expect([done.code, done.stderr]).toEqual([0, expect.anything()]);
      expect(done.stdout + done.stderr).toContain("pipeline.sql_client on is not part of the load");
      expect(await rows(ours)).toEqual(await rows(theirs));
    }
    expect(await rows(ours)).toEqual([
      { id: "1", at: "1", email: "***", tags: "1" },
      { id: "3", at: "3", email: "***", tags: "1" },
      { id: "4", at: "4", email: "***", tags: "2" },
    ]);
  } finally {
    server.close();
  }
});
