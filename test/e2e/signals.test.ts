/** SIGINT, SIGTERM and SIGHUP at commands that have a server and a worker of their own: nothing outlives them. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive } from "../../src/dev-server";
import { tidemark } from "../support/cli";
import { newProject, type Project, REPOSITORY } from "../support/project";
import { casesOf } from "../support/whole";

/** Rows that wait for a file to go; `deaf`: the generator does not listen to the run's end. */
const HELD = `
exports.rows = async function* ({ args, signal, incremental }) {
  const fs = require("node:fs");
  fs.writeFileSync(args.asked, "");
  while (fs.existsSync(args.hold) && (args.deaf || !signal.aborted)) await new Promise(done => setTimeout(done, 50));
  yield [{ id: 1, updated_at: incremental?.start_value ?? "2026-01-01T00:00:00Z" }];
};
`;

interface Held {
  project: Project;
  hold: string;
  /** Resolves when the source is being read. */
  reading(): Promise<void>;
}

function heldProject(label: string, deaf = false): Held {
  const project = newProject(label);
  const hold = join(project.folder, "hold");
  const asked = join(project.folder, "asked");
  writeFileSync(hold, "");
  writeFileSync(join(project.folder, "pipelines", "held-source.js"), HELD);
  const incremental = { cursor_path: "updated_at", initial_value: "2026-01-01T00:00:00Z" };
  const args = { hold, asked, deaf };
  project.writeSpec("held", {
    pipeline_name: "held",
    source: {
      type: "code",
      name: "shop",
      module: "held-source.js",
      resources: [{ name: "rows", write_disposition: "merge", primary_key: "id", incremental, args }],
    },
  });
  return {
    project,
    hold,
    async reading() {
      while (!existsSync(asked)) await sleep(50);
    },
  };
}

interface Started {
  child: ChildProcess;
  said(): string;
  printed(): string;
  /** The exit code (or the signal, where the process did not end by itself), and the seconds since `kill`. */
  kill(signal: NodeJS.Signals): void;
  ended: Promise<{ code: number | NodeJS.Signals | null; seconds: number }>;
}

function start(project: Project, args: string[]): Started {
  const child = spawn(process.execPath, [join(REPOSITORY, "bin", "tidemark"), ...args], {
    cwd: project.folder,
    env: project.env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  let printed = "";
  let killed = 0;
  child.stderr!.on("data", data => {
    said += data;
  });
  child.stdout!.on("data", data => {
    printed += data;
  });
  return {
    child,
    said: () => said,
    printed: () => printed,
    kill: signal => {
      killed ||= Date.now();
      child.kill(signal);
    },
    ended: new Promise(done =>
      child.once("close", (code, signal) =>
        done({ code: signal ?? code, seconds: (Date.now() - killed) / 1000 }),
      ),
    ),
  };
}

/** The pid of the project's own Temporal server. */
async function serverOf(project: Project): Promise<number> {
  const record = join(project.folder, "home", "temporal", "server.json");
  while (!existsSync(record)) await sleep(20);
  return JSON.parse(readFileSync(record, "utf8")).pid;
}

describe("a signal", () => {
  const SIGNALS = [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const;
  test.each(casesOf(SIGNALS, ([signal]) => signal !== "SIGHUP"))(
    "%s cancels the run, ends the server and exits %i",
    async (signal, exitCode) => {
      const { project, reading, hold } = heldProject("one-signal");
      const run = start(project, ["run", "held", "--json"]);
      await reading();
      const server = await serverOf(project);
      run.kill(signal);
      const { code, seconds } = await run.ended;
      expect(code).toBe(exitCode);
      expect(seconds).toBeLessThan(15);
      expect(JSON.parse(run.printed())).toEqual({
        error: { code: "CANCELLED", message: "The run was cancelled." },
      });
      expect(isAlive(server)).toBe(false);
      if (signal !== "SIGINT") return;
      // Cancelled, not left open: the next run is a new one.
      unlinkSync(hold);
      const next = await tidemark(project, ["run", "held"]);
      expect(next.stderr).not.toContain("running already");
      expect(next.code).toBe(0);
    },
  );

  test("a second one leaves at once where a step does not stop, without server, run or lock", async () => {
    const { project, reading, hold } = heldProject("two-signals", true);
    const run = start(project, ["run", "held"]);
    await reading();
    const server = await serverOf(project);
    run.kill("SIGINT");
    while (!run.said().includes("Cancelling")) await sleep(20);
    await sleep(300);
    expect(run.child.exitCode).toBeNull();
    run.kill("SIGINT");
    const { code, seconds } = await run.ended;
    expect(code).toBe(130);
    expect(seconds).toBeLessThan(8);
    expect(run.said()).toContain("the run was terminated");
    expect(isAlive(server)).toBe(false);
    unlinkSync(hold);
    const next = await tidemark(project, ["run", "held"]);
    expect(next.stderr).not.toContain("running already");
    expect(next.code).toBe(0);
  });

  test("one is enough where a step does not stop: it ends after its time", async () => {
    const { project, reading } = heldProject("deaf", true);
    const run = start(project, ["run", "held"]);
    await reading();
    const server = await serverOf(project);
    run.kill("SIGTERM");
    const { code, seconds } = await run.ended;
    expect(code).toBe(143);
    expect(seconds).toBeLessThan(16);
    expect(isAlive(server)).toBe(false);
  });

  test("while the server starts: no run, no server", async () => {
    const { project } = heldProject("early");
    const run = start(project, ["run", "held"]);
    while (!existsSync(join(project.folder, "home", "temporal", "server.log"))) await sleep(10);
    run.kill("SIGINT");
    const { code, seconds } = await run.ended;
    expect(code).toBe(130);
    expect(seconds).toBeLessThan(10);
    expect(run.said()).toBe("Ended by SIGINT.\n");
    expect(existsSync(join(project.folder, "home", "temporal", "server.json"))).toBe(false);
  });

  test("a backfill of one's own ends likewise, and so do dev and its server", async () => {
    const { project, reading } = heldProject("backfill-signal");
    const backfill = start(project, [
      "backfill",
      "held",
      "--resource",
      "rows",
      "--from",
      "2026-01-01T00:00:00Z",
    ]);
    await reading();
    const server = await serverOf(project);
    backfill.kill("SIGTERM");
    expect(await backfill.ended).toMatchObject({ code: 143 });
    expect(isAlive(server)).toBe(false);

    const dev = start(project, ["dev"]);
    while (!dev.printed().includes("Ready.")) await sleep(50);
    const devServer = await serverOf(project);
    dev.kill("SIGTERM");
    expect(await dev.ended).toMatchObject({ code: 0 });
    expect(isAlive(devServer)).toBe(false);
  });
});
