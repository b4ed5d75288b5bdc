/**
 * Whatever a server sends ends in a load or in a coded error, in bounded time and memory, with a dataset that is whole
 * and a next run that works. FUZZ_SEED and FUZZ_COUNT choose the random part: more on demand.
 */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Outcome } from "./run-bodies";

const SEED = Number(process.env.FUZZ_SEED ?? 20260101);
const COUNT = Number(process.env.FUZZ_COUNT ?? 12);
const MAX_SECONDS = 60;
const MAX_MEMORY_MB = 2048;
const ROOT = join(__dirname, "..", "..");

test("hostile responses", async () => {
  const child = spawn(
    process.execPath,
    [
      ...["--require", require.resolve("tsx/cjs"), "--max-old-space-size=1024"],
      ...[join(__dirname, "run-bodies.ts"), String(SEED), String(COUNT)],
    ],
    { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] },
  );
  const outcomes: Outcome[] = [];
  let said = "";
  child.stderr.on("data", data => {
    said = (said + data).slice(-2000);
  });
  const ended = new Promise<number | NodeJS.Signals | null>(done =>
    child.once("exit", (code, signal) => done(signal ?? code)),
  );
  let begun = "nothing";
  let watch: NodeJS.Timeout | undefined;
  for await (const line of createInterface({ input: child.stdout })) {
    clearTimeout(watch);
    watch = setTimeout(() => child.kill("SIGKILL"), 3 * MAX_SECONDS * 1000);
    const told = JSON.parse(line) as { begins: string } | Outcome;
    if ("begins" in told) begun = told.begins;
    else outcomes.push(told);
  }
  clearTimeout(watch);
  expect(`${begun}: ${await ended} ${said}`).toBe(`${begun}: 0 `);
  const faults = outcomes.flatMap(({ name, faults: all }) => all.map(fault => `${name}: ${fault}`));
  expect(faults).toEqual([]);
  expect(outcomes.filter(({ seconds }) => seconds > MAX_SECONDS).map(({ name }) => name)).toEqual([]);
  expect(Math.max(...outcomes.map(({ memory }) => memory))).toBeLessThan(MAX_MEMORY_MB);
  // A lane in which everything fails, or nothing, would prove nothing.
  const results = new Set(outcomes.map(({ result }) => result));
  for (const wanted of ["loaded", "HTTP_BAD_JSON", "ROW_NOT_STORABLE", "SOURCE_BAD_RESPONSE"]) {
    expect(results).toContain(wanted);
  }
}, 900_000);
