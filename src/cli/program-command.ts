/** `tidemark run program.py`: a dlt program as it is, each of its runs a durable run of its own. */
import { existsSync } from "node:fs";
import { basename, relative, resolve } from "node:path";
import type { Config } from "../config";
import { destination } from "../dlt-project/destination-of";
import { TidemarkError } from "../pipeline/errors";
import type { JsonObject } from "../pipeline/spec";
import { type ProgramAnswer, type ProgramRun, runProgram } from "../sources/dlt/run-program";
import { resolveSpec } from "../spec/resolve-spec";
import { checkRunInput } from "../spec/run-input";
import { EXIT } from "./exit-codes";
import { failureOf } from "./failure-of";
import { programHome } from "./import-command";
import { LiveProgress } from "./live-progress";
import { type RunOptions, toInput } from "./run-command";
import { runSummary } from "./run-summary";
import { Workplace } from "./workplace";

/** @throws TidemarkError SPEC_NOT_FOUND, PYTHON_*, SOURCE_CODE_FAILED; what a run of the program ends with */
export async function programCommand(config: Config, file: string, options: RunOptions): Promise<void> {
  const path = resolve(config.from, file);
  if (!existsSync(path)) throw new TidemarkError("SPEC_NOT_FOUND", `There is no program at ${path}.`);
  const home = programHome(config.cwd, config)(relative(config.cwd, path));
  const program = relative(home.folder, path);
  const progress = new LiveProgress(process.stderr, { quiet: options.json });
  await using place = await Workplace.open(config);
  place.keep = options.keep === true;
  await place.needWorker(options.withWorker ? "own" : options.worker ? undefined : "none");
  const results: unknown[] = [];
  let blocked = false;
  let failed: unknown;

  const onRun = async (run: ProgramRun): Promise<ProgramAnswer> => {
    const given = { destination: run.destination } as JsonObject;
    const document: JsonObject = {
      pipeline_name: run.pipeline_name,
      ...(run.dataset_name === null ? {} : { dataset_name: run.dataset_name }),
      ...destination(
        run.pipeline_name,
        given,
        home.settings,
        { folder: home.folder, cwd: config.cwd },
        basename(path),
      ),
      source: {
        type: "dlt",
        project_dir: relative(config.cwd, home.folder) || ".",
        program,
        run: run.number,
      },
    };
    const input = toInput(document, options);
    resolveSpec({ document }, checkRunInput(input), config);
    const started = await place.unless(
      place.signals.insisted,
      place.tidemark.start(input, { name: run.pipeline_name, allowUnserved: true }),
    );
    progress.started(started, place.connected.uiUrl);
    const result = await place.follow(started, progress).finally(() => progress.clear());
    results.push(result);
    blocked ||= result.gate?.decision === "block";
    if (!options.json) process.stdout.write(runSummary(result));
    const { load } = result;
    const rows = Object.fromEntries((load?.tables ?? []).map(table => [table.table, table.rows]));
    const said =
      load?.load_id === undefined
        ? `Pipeline ${run.pipeline_name}: nothing new`
        : `Pipeline ${run.pipeline_name} loaded load package ${load.load_id} into dataset ${load.dataset_name}`;
    return { load: load?.load_id === undefined ? [] : [load.load_id], rows, said };
  };

  await runProgram({
    project: home.folder,
    program,
    env: config.env,
    cache: config.cacheDir,
    signal: place.signals.asked,
    onWait: what => progress.line(what),
    onNote: note => progress.line(note),
    onOutput: text => void (options.json ? process.stderr : process.stdout).write(text),
    onRun: run =>
      onRun(run).catch(error => {
        failed = error;
        throw new Error(failureOf(error).message);
      }),
  }).catch(error => {
    // What ended the program is the run that failed, not that it was told so.
    throw failed ?? error;
  });
  if (options.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  process.exitCode = blocked ? EXIT.failed : EXIT.done;
}
