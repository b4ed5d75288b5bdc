/** A dlt program as it is, in the project's Python: each `pipeline.run` is answered from here while the program waits. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { redact } from "../../pipeline/redact";
import type { JsonObject } from "../../pipeline/spec";
import { bridgeError } from "./bridge-errors";
import { runBridge } from "./bridge-process";
import { projectSecrets } from "./project-secrets";
import { findPython } from "./python";

/** One `pipeline.run(…)` of the program. */
export interface ProgramRun {
  /** Among the runs of this pipeline, from 1. */
  number: number;
  pipeline_name: string;
  dataset_name: string | null;
  /** dlt's names: destination_type, destination_name, credentials. */
  destination: JsonObject | null;
}

export interface ProgramAnswer {
  /** Load ids; none where nothing was new. */
  load: string[];
  rows: { [table: string]: number };
  /** What a program sees that prints the answer. */
  said: string;
}

export interface ProgramOptions {
  /** Absolute. */
  project: string;
  /** Relative to the project. */
  program: string;
  env: { readonly [name: string]: string | undefined };
  cache: string;
  signal: AbortSignal;
  onWait: (what: string) => void;
  onNote: (note: string) => void;
  /** Masked. */
  onOutput: (text: string) => void;
  onRun: (run: ProgramRun) => Promise<ProgramAnswer>;
}

/** How long a program may be silent while it computes; while a run is done for it, it is silent too. */
const IDLE_MS = 7 * 24 * 3600 * 1000;

/** @returns the number of runs. @throws TidemarkError PYTHON_*, SOURCE_CODE_FAILED */
export async function runProgram(options: ProgramOptions): Promise<number> {
  const { project, program, env, signal } = options;
  const python = await findPython({ project_dir: project }, options);
  const secrets = projectSecrets(project, env);
  const folder = mkdtempSync(join(tmpdir(), "tidemark-program-"));
  try {
    const end = await runBridge(
      { do: "program", project, program, pipeline: {} },
      {
        python,
        project,
        env,
        folder,
        secrets,
        idle_ms: IDLE_MS,
        signal,
        onEvent: event => event.event === "note" && options.onNote(String(event.text)),
        onOutput: text => options.onOutput(redact(text, secrets)),
        answer: async event => ({ ...(await options.onRun(event as unknown as ProgramRun)) }),
      },
    );
    if (end.last?.event !== "ended") throw bridgeError(end, program);
    return Number(end.last.runs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
