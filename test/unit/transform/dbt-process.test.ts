/** dbt's own log on a disk that is full: the step fails with what the disk said, and the worker lives. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toFailure } from "../../../src/activities/failures";
import { runDbtProcess } from "../../../src/transform/dbt-process";

const folder = mkdtempSync(join(tmpdir(), "tidemark-dbt-process-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (outputPath: string) =>
  runDbtProcess({
    executable: "/bin/sh",
    args: ["-c", "for i in 1 2 3 4 5; do echo line $i; done"],
    cwd: folder,
    env: { PATH: process.env.PATH ?? "" },
    recordPath: join(folder, "process.json"),
    outputPath,
    phase: "build",
    signal: new AbortController().signal,
    onProgress: () => {},
    graceMs: 100,
  });

test("with room it is written", async () => {
  expect((await run(join(folder, "dbt.log"))).code).toBe(0);
});

test("without, the step ends in DISK_FULL", async () => {
  if (!existsSync("/dev/full")) return;
  const error = await run("/dev/full").catch(error => error);
  expect(toFailure(error, "transform", [])).toMatchObject({ type: "DISK_FULL", nonRetryable: false });
});
