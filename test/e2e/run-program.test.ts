/** `tidemark run program.py`: a loop over days, each run loaded by a durable run, its answer printed by the program. */
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { toolPaths } from "../../src/tools";
import { tidemark } from "../support/cli";
import { newProject, queryFile } from "../support/project";

const PROGRAM = `
import dlt

@dlt.resource(write_disposition="append")
def orders(day):
    yield {"day": day, "n": 1}

pipeline = dlt.pipeline("days", destination="duckdb", dataset_name="d")
for day in ["a", "b"]:
    info = pipeline.run(orders(day))
    print("program says:", info)
    assert len(info.loads_ids) == 1
`;

test("every run of a program is loaded, in its order", async () => {
  const project = newProject("run-program");
  writeFileSync(join(project.folder, "days.py"), PROGRAM);
  const python = toolPaths(process.env).parityPython!;
  const done = await tidemark(project, ["run", "days.py"], { VIRTUAL_ENV: dirname(dirname(python)) });
  if (done.code !== 0) throw new Error(`${done.stdout}\n${done.stderr}`);
  expect(done.code).toBe(0);
  expect(done.stdout.match(/program says: Pipeline days loaded load package/g)).toHaveLength(2);
  const rows = await queryFile(
    join(project.folder, "days.duckdb"),
    "SELECT day, n FROM d.orders ORDER BY day",
  );
  expect(rows).toEqual([
    { day: "a", n: "1" },
    { day: "b", n: "1" },
  ]);
});
