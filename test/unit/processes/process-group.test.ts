import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { endLeftBehind, startGroup } from "../../../src/processes/process-group";

const STUBBORN = "trap '' INT; sleep 60 & : > ready; wait; wait";

async function until(condition: () => boolean): Promise<void> {
  for (const started = Date.now(); !condition(); ) {
    if (Date.now() - started > 10_000) throw new Error("the condition was not met in 10 s");
    await new Promise(done => setTimeout(done, 20));
  }
}

function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("a process left behind", () => {
  let folder: string;
  let recordPath: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tidemark-group-"));
    recordPath = join(folder, "process.json");
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const start = (script: string) =>
    startGroup("/bin/sh", ["-c", script], { env: { PATH: process.env.PATH ?? "" }, cwd: folder, recordPath });

  test("is ended by its record, with its children, also when it ignores SIGINT", async () => {
    const group = await start(STUBBORN);
    await until(() => existsSync(join(folder, "ready")));
    const ended = new Promise(resolve => group.child.once("close", (_, signal) => resolve(signal)));
    expect(await endLeftBehind(recordPath, 200)).toBe(group.child.pid);
    expect(await ended).toBe("SIGKILL");
    expect(existsSync(recordPath)).toBe(false);
    // Its child is reaped by whoever adopted it, a moment later.
    await until(() => !isThere(-group.child.pid!));
  });

  test("another process that was given the same number is left alone", async () => {
    const group = await start("sleep 60");
    const record = JSON.parse(readFileSync(recordPath, "utf8"));
    writeFileSync(recordPath, JSON.stringify({ ...record, started: "1" }));
    expect(await endLeftBehind(recordPath, 200)).toBeUndefined();
    expect(group.child.exitCode ?? group.child.signalCode).toBeNull();
    group.kill("SIGKILL");
    await new Promise(resolve => group.child.once("close", resolve));
  });

  test("a record of another host or boot, or cut short, ends nothing", async () => {
    const group = await start("sleep 60");
    const record = JSON.parse(readFileSync(recordPath, "utf8"));
    for (const text of [
      JSON.stringify({ ...record, host: "elsewhere" }),
      JSON.stringify({ ...record, boot: "earlier" }),
      '{"host": "x',
    ]) {
      writeFileSync(recordPath, text);
      expect(await endLeftBehind(recordPath, 200)).toBeUndefined();
    }
    expect(group.child.exitCode ?? group.child.signalCode).toBeNull();
    group.kill("SIGKILL");
    await new Promise(resolve => group.child.once("close", resolve));
  });

  test("a program that is not there rejects", async () => {
    await expect(startGroup("/nowhere/dbt", [], { env: {}, cwd: folder, recordPath })).rejects.toMatchObject({
      code: "ENOENT",
    });
  });
});
