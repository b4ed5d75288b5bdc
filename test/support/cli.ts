/** bin/tidemark as a person starts it, for a project of its own (see project.ts). */
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Project, REPOSITORY } from "./project";

const BIN = join(REPOSITORY, "bin", "tidemark");

export interface Finished {
  code: number;
  stdout: string;
  stderr: string;
}

export function tidemark(project: Project, args: string[], env: NodeJS.ProcessEnv = {}): Promise<Finished> {
  return new Promise(done => {
    execFile(
      process.execPath,
      [BIN, ...args],
      { cwd: project.folder, env: { ...project.env, ...env }, maxBuffer: 1 << 26 },
      (error, stdout, stderr) => done({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }),
    );
  });
}

export interface Dev {
  child: ChildProcess;
  address: string;
  said(): string;
  /** Ctrl-C. */
  stop(): Promise<void>;
}

/** `tidemark dev` with a server of its own; resolves when it is ready. */
export async function startDev(project: Project, env: NodeJS.ProcessEnv = {}): Promise<Dev> {
  const child = spawn(process.execPath, [BIN, "dev"], {
    cwd: project.folder,
    env: { ...project.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  await new Promise<void>((up, fail) => {
    const hear = (data: Buffer) => {
      said += data;
      if (said.includes("Ready.")) up();
    };
    child.stdout!.on("data", hear);
    child.stderr!.on("data", hear);
    child.once("exit", code => fail(new Error(`tidemark dev ended with ${code}: ${said}`)));
  });
  return {
    child,
    address: JSON.parse(readFileSync(join(project.folder, "home", "temporal", "server.json"), "utf8"))
      .address,
    said: () => said,
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise(done => child.once("exit", done));
      child.kill("SIGINT");
      await ended;
    },
  };
}
