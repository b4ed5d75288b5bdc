/** One run of the dbt program: started in its own group, its log read as it comes, ended when the signal says so. */
import { TidemarkError } from "../pipeline/errors";
import type { OnProgress } from "../pipeline/infos";
import { startGroup } from "../processes/process-group";
import { programOf } from "./dbt-command";
import { DbtLog } from "./dbt-log";
import { DbtOutput } from "./dbt-output";

export interface DbtExit {
  code: number | null;
  signal: NodeJS.Signals | null;
  log: DbtLog;
  /** The last of standard error, at most 8 KB. Only for recognising what happened: it may hold anything. */
  stderr: string;
  /** What `dbt ls` listed. Only from a warm dbt. */
  listed?: string[];
  /** Schema of the target, in commands that parse. Only from a warm dbt. */
  schema?: string;
  /** It gave no sign of life for so many seconds and was ended for that. */
  silentSeconds?: number;
}

export interface DbtProcessOptions {
  executable: string;
  args: string[];
  cwd: string;
  env: Record<string, string>;
  /** Builds into schemas with this suffix; nodes that are not named stay where they are. Only a warm dbt can. */
  candidate?: { suffix: string; nodes?: readonly string[] };
  /** Where the process is recorded while it runs. */
  recordPath: string;
  /** Everything dbt prints goes here. */
  outputPath: string;
  phase: string;
  signal: AbortSignal;
  onProgress: OnProgress;
  /** From SIGINT (dbt cancels its queries) to SIGKILL, in milliseconds. */
  graceMs: number;
}

/** Runs one command of dbt to its end. @throws as runDbtProcess */
export type DbtRunner = (options: DbtProcessOptions) => Promise<DbtExit>;

export const TICK_MS = 5_000;

/**
 * A dbt of its own for one command.
 * @throws TidemarkError DBT_MISSING when the program cannot be started; the signal's reason when aborted, after dbt
 * has ended
 */
export async function runDbtProcess(options: DbtProcessOptions): Promise<DbtExit> {
  options.signal.throwIfAborted();
  const log = new DbtLog(options.phase, options.onProgress);
  const program = programOf(options.executable);
  const group = await startGroup(program.file, [...program.args, ...options.args], options).catch(error => {
    throw dbtMissing(options.executable, (error as NodeJS.ErrnoException).code ?? "not started");
  });
  const { child } = group;
  const output = new DbtOutput(options.outputPath, child.stdout!, child.stderr!, line => log.take(line));

  let killer: NodeJS.Timeout | undefined;
  const stop = () => {
    group.kill("SIGINT");
    killer = setTimeout(() => group.kill("SIGKILL"), options.graceMs);
  };
  options.signal.addEventListener("abort", stop, { once: true });
  if (options.signal.aborted) stop();
  const ticker = setInterval(() => log.tick(), TICK_MS);
  let exit: Pick<DbtExit, "code" | "signal">;
  try {
    exit = await new Promise(resolve => child.once("close", (code, signal) => resolve({ code, signal })));
    options.signal.throwIfAborted();
  } finally {
    clearInterval(ticker);
    clearTimeout(killer);
    options.signal.removeEventListener("abort", stop);
    group.forget();
    await output.end();
  }
  output.throwIfNotWritten();
  return { ...exit, log, stderr: output.stderr };
}

/** How to get dbt, in one sentence. */
export function dbtMissing(executable: string, why: string): TidemarkError {
  return new TidemarkError(
    "DBT_MISSING",
    `dbt could not be started (${executable}: ${why}). From a checkout \`npm run setup\` (\`npm run setup:databricks\`) sets it up; elsewhere: ` +
      "python3 -m venv .venv && .venv/bin/pip install 'dbt-core~=1.11.0' 'dbt-duckdb~=1.11.0' 'duckdb~=1.5.0' " +
      "(for Databricks also dbt-databricks), and TIDEMARK_DBT set to the absolute path of .venv/bin/dbt where the worker runs.",
    { step: "transform" },
  );
}
