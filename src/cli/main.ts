/**
 * The command line: one file per command, this one only lists them. Each is loaded when it is called, as the SDK's
 * worker, DuckDB and the sources take a second to load, which a client does without.
 */
import { Command, CommanderError, Option } from "commander";
import { type Config, openProject } from "../config";
import { EXIT } from "./exit-codes";
import { failureOf } from "./failure-of";
import { specArgument } from "./spec-argument";

export async function main(given: string[] = process.argv): Promise<void> {
  const { argv, project } = takeProject(given);
  const here = () => openProject(project);
  // Everything after `tidemark temporal` belongs to the Temporal CLI.
  if (argv[2] === "temporal") {
    const { temporalCommand } = require("./temporal-command") as typeof import("./temporal-command");
    process.exit(await temporalCommand(here(), argv.slice(3)));
  }
  try {
    process.exitCode = EXIT.done;
    // Likewise everything after `tidemark dbt`, but for the pipeline that may come first.
    if (argv[2] === "dbt") {
      const { dbtCommand } = require("./dbt-command") as typeof import("./dbt-command");
      process.exit(await dbtCommand(here(), argv.slice(3)));
    }
    await program(here).parseAsync(argv);
  } catch (error) {
    process.exitCode = report(error, argv.includes("--json"));
  }
  // Open sockets of the SDK must not keep a finished command alive.
  process.exit(process.exitCode);
}

/** The sentence for people goes to stderr; with --json, stdout has the same with its code, for machines. */
function report(error: unknown, json: boolean): number {
  // --help and --version
  if (error instanceof CommanderError && error.exitCode === 0) return EXIT.done;
  const { text, exitCode, result, ...failure } = failureOf(error);
  // Commander has told its own.
  if (!(error instanceof CommanderError)) console.error(text);
  if (json)
    process.stdout.write(
      `${JSON.stringify({ error: failure, ...(result === undefined ? {} : { result }) })}\n`,
    );
  return exitCode;
}

/** A server of the user's is shared: a worker of ours would take what others put on its task queue. */
const WITH_WORKER = [
  "--with-worker",
  "be the worker too, also on a server of yours (TEMPORAL_ADDRESS); on the local one that is the default",
] as const;
const NO_WORKER = ["--no-worker", "start the run and wait, also where no worker is up yet"] as const;

/** `--project` may stand anywhere, but for what belongs to another program. */
function takeProject(argv: string[]): { argv: string[]; project?: string } {
  const end = argv.findIndex((word, i) => i > 1 && (word === "temporal" || word === "dbt"));
  const at = argv.findIndex(word => word === "--project" || word.startsWith("--project="));
  if (at === -1 || (end !== -1 && at > end)) return { argv };
  const [word, next] = argv.slice(at, at + 2);
  const joined = word!.startsWith("--project=");
  const project = joined ? word!.slice("--project=".length) : next;
  // Commander says what is missing.
  if (!project) return { argv };
  return { argv: argv.toSpliced(at, joined ? 1 : 2), project };
}

function program(here: () => Config): Command {
  const ofPipeline =
    (command: (config: Config, pipeline: string, options: object) => Promise<void>) =>
    (pipeline: string, options: object) => {
      const config = here();
      return command(config, specArgument(pipeline, config), options);
    };
  const tidemark = new Command("tidemark")
    .description("ELT with dlt's semantics on Temporal: extract → normalize → stage → load → dbt → gate.")
    .version(require("../../package.json").version)
    .option(
      "--project <folder>",
      "the project's folder (default: the nearest one with a tidemark.config, or this one)",
    )
    .exitOverride()
    .showHelpAfterError("(see `tidemark --help`)")
    .addHelpText(
      "after",
      `
Examples:
  tidemark run rest_api_demo                 run a pipeline of pipelines/ once and show what it did
  tidemark run my.yaml --no-transform --json load only; one JSON document on stdout
  tidemark dev                               Temporal dev server with its UI, and a worker that stays
  tidemark temporal workflow start --type pipeline --task-queue tidemark \\
    --workflow-id rest_api_demo --input '{"pipeline":"rest_api_demo"}'
  tidemark backfill merge_demo --resource customers --from 2026-01-01 --to 2026-02-01
  tidemark schedule rest_api_demo --every 1h`,
    );
  tidemark
    .command("init")
    .argument("[folder]", "where to; default: here")
    .description("Begin a project of your own: the least that runs")
    .option("--template <what>", "what it begins with: rest, code, sql, dbt, or a destination", "rest")
    .option("--json", "print one JSON document")
    .action((folder, options) =>
      (require("./init-command") as typeof import("./init-command")).initCommand(folder, options),
    );
  tidemark
    .command("setup")
    .description(
      "Get what the project needs and lacks: dbt, a Temporal server; kept in a cache for all projects",
    )
    .option("--dbt <destination>", "only dbt, for this destination")
    .option("--temporal", "only a Temporal server (with --dbt: both)")
    .action(async options => {
      const { setupCommand } = require("./setup-command") as typeof import("./setup-command");
      process.exitCode = await setupCommand(here(), options);
    });
  tidemark
    .command("check")
    .argument("[pipeline...]", "names or paths of specs; default: all of the project")
    .description("Check specs, all problems at once; starts nothing and connects to nothing")
    .option("--json", "print one JSON document")
    .action((pipelines: string[], options) => {
      const config = here();
      return (require("./specs-command") as typeof import("./specs-command")).checkCommand(
        config,
        pipelines.map(one => specArgument(one, config)),
        options,
      );
    });
  tidemark
    .command("list")
    .description("The project's pipelines: source, destination, dataset")
    .option("--json", "print one JSON document")
    .action(options =>
      (require("./specs-command") as typeof import("./specs-command")).listCommand(here(), options),
    );
  tidemark
    .command("show")
    .argument("<pipeline>", "name or path of the spec")
    .description("A pipeline's spec as a run uses it, every default filled in; secrets by name")
    .option("--json", "as JSON")
    .action(
      ofPipeline((config, pipeline, options) =>
        (require("./specs-command") as typeof import("./specs-command")).showCommand(
          config,
          pipeline,
          options as never,
        ),
      ),
    );
  tidemark
    .command("run")
    .argument(
      "<pipeline>",
      "name in pipelines/, path of a spec (JSON, YAML, TypeScript), or a dlt program (.py)",
    )
    .description("Run a pipeline once, here and now")
    .option("--workflow-id <id>", "Temporal workflow id (default: tidemark-<pipeline>)")
    .option("--resource <name...>", "load only these resources")
    .addOption(
      new Option("--write-disposition <how>", "override for all resources").choices([
        "append",
        "replace",
        "merge",
        "skip",
      ]),
    )
    .addOption(
      new Option("--refresh <how>", "forget and load anew").choices([
        "drop_sources",
        "drop_resources",
        "drop_data",
      ]),
    )
    .addOption(
      new Option(
        "--load-mode <how>",
        "Databricks: through a warehouse and a Volume, or by INSERTs where there are none (spark)",
      ).choices(["warehouse", "spark"]),
    )
    .option("--full-refresh", "dbt build --full-refresh")
    .option("--no-transform", "stop after the load")
    .option("--no-gate", "skip the quality gate")
    .option("--json", "print the result as one JSON document")
    .option(...WITH_WORKER)
    .option(...NO_WORKER)
    .option("--keep", "leave the dev server running, to look at the run in its UI")
    .action(
      ofPipeline((config, pipeline, options) =>
        pipeline.endsWith(".py")
          ? (require("./program-command") as typeof import("./program-command")).programCommand(
              config,
              pipeline,
              options as never,
            )
          : (require("./run-command") as typeof import("./run-command")).runCommand(
              config,
              pipeline,
              options as never,
            ),
      ),
    );
  tidemark
    .command("dev")
    .description("Start (or reuse) the local Temporal dev server and a worker, until Ctrl-C")
    .action(() => (require("./dev-command") as typeof import("./dev-command")).devCommand(here()));
  tidemark
    .command("worker")
    .description("Start a worker for the server at TEMPORAL_ADDRESS, until Ctrl-C")
    .option("--health-port <port>", "answer /healthz and /readyz there, for Kubernetes and the like")
    .option("--metrics-port <port>", "let Prometheus read /metrics there")
    .action(options =>
      (require("./dev-command") as typeof import("./dev-command")).workerCommand(here(), options),
    );
  tidemark
    .command("backfill")
    .argument("<pipeline>", "name or path of the spec")
    .description("Load a range of an incremental resource again; --from alone rewinds the cursor")
    .requiredOption("--resource <name>", "resource with an incremental cursor")
    .requiredOption("--from <value>", "first cursor value, inclusive")
    .option("--to <value>", "end of the range, exclusive; the live cursor then stays as it is")
    .option("--allow-duplicates", "also for append, which doubles rows that are there")
    .option("--workflow-id <id>", "Temporal workflow id (default: tidemark-<pipeline>)")
    .option(...WITH_WORKER)
    .option(...NO_WORKER)
    .option("--json", "print the result as one JSON document")
    .action(
      ofPipeline((config, pipeline, options) =>
        (require("./backfill-command") as typeof import("./backfill-command")).backfillCommand(
          config,
          pipeline,
          options as never,
        ),
      ),
    );
  tidemark
    .command("schedule")
    .argument("<pipeline>", "name of the spec in pipelines/")
    .description("Create, change or remove the pipeline's Temporal Schedule; a paused one stays paused")
    .option("--every <duration>", "for example 30m, 1h, 1d")
    .option("--cron <expression>", "for example '0 6 * * *' (UTC)")
    .option("--pause", "start no new runs until --resume")
    .option("--resume", "go on with a paused schedule")
    .option("--remove", "remove the schedule")
    .option("--json", "print one JSON document")
    .action(
      ofPipeline((config, pipeline, options) =>
        (require("./schedule-command") as typeof import("./schedule-command")).scheduleCommand(
          config,
          pipeline,
          options as never,
        ),
      ),
    );
  tidemark
    .command("state")
    .argument("<pipeline>", "name or path of the spec")
    .description("Show cursors, last loads and pending packages of a pipeline, read from the destination")
    .option("--json", "print one JSON document")
    .action(
      ofPipeline((config, pipeline, options) =>
        (require("./state-command") as typeof import("./state-command")).stateCommand(
          config,
          pipeline,
          options as never,
        ),
      ),
    );
  tidemark
    .command("abort-packages")
    .argument("<pipeline>", "name or path of the spec")
    .description("Drop load packages that a failed run left pending")
    .option("--force", "also those that had begun to load: appended rows can then stand twice")
    .action(
      ofPipeline((config, pipeline, options) =>
        (require("./abort-command") as typeof import("./abort-command")).abortCommand(
          config,
          pipeline,
          options as never,
        ),
      ),
    );
  tidemark
    .command("doctor")
    .description("Check files, tools, configuration and specs; touches no warehouse")
    .option("--online", "also check what needs a network")
    .option("--json", "print one JSON document")
    .action(options =>
      (require("./doctor-command") as typeof import("./doctor-command")).doctorCommand(here(), options),
    );
  tidemark
    .command("gate")
    .description("Decide promote, review or block from dbt's run_results, by the rules of a pipeline's gate")
    .option("--run-results <file>", "dbt's run_results.json")
    .option("--manifest <file>", "dbt's manifest.json (default: beside run_results)")
    .option("--pipeline <pipeline>", "whose gate has the rules (default: dbt's results are judged alone)")
    .option("--metrics <file>", "JSON with the values of its metrics, by name")
    .option("--collect <pipeline>", "its rules, and the values read from its destination, in place of a file")
    .option("--loaded-at <time>", "when its last successful run loaded, where only a job knows (ISO)")
    .option("--invocation-id <id>", "the results must be of this dbt invocation")
    .option(
      "--job-run-id <id>",
      "the results must be of this job run (dbt is told by --vars or its environment)",
    )
    .option("--max-age <minutes>", "the results may be this old (default: 60)")
    .option("--output <file>", "where the Markdown packet goes")
    .option("--fail-on-block", "exit 1 when the decision is block")
    .option("--sample", "use built-in sample inputs")
    .option("--json", "print the decision as one JSON document")
    .option("--review-with <command>", "pipe the packet's prompt to a program and append its answer")
    .action(options =>
      (require("./gate-command") as typeof import("./gate-command")).gateCommand(here(), options),
    );
  tidemark
    .command("report")
    .argument("[pipeline]", "name or path of the spec (default: all that have run)")
    .description("Write one HTML page: runs, loads, schema changes, gate, dbt's lineage, cursors")
    .option("--output <file>", "where the page goes (default: report.html below TIDEMARK_HOME)")
    .option("--open", "open it in the browser")
    .action((pipeline, options) =>
      (require("./report-command") as typeof import("./report-command")).reportCommand(
        here(),
        pipeline,
        options,
      ),
    );
  tidemark
    .command("import")
    .argument("<folder>", "a dlt project: Python files and .dlt/")
    .description(
      "Write pipeline specs for a dlt project: native ones where a program is understood wholly, else of type dlt; runs none of its code",
    )
    .option("--native-only", "no specs of type dlt: what was not understood becomes a placeholder")
    .option("--output <folder>", "where the specs go (default: pipelines/)")
    .option("--force", "write over specs that exist")
    .option("--json", "print one JSON document")
    .action((folder, options) =>
      (require("./import-command") as typeof import("./import-command")).importCommand(
        here(),
        folder,
        options,
      ),
    );
  tidemark
    .command("drill")
    .argument("<pipeline>", "name or path of the spec")
    .description(
      "Load a pipeline under faults into a dataset of its own, and compare it with an undisturbed load",
    )
    .option("--seed <n>", "the same seed plans the same faults", "1")
    .option("--rounds <n>", "sequences of runs under faults", "5")
    .option(
      "--stuck-after <seconds>",
      "a run that does not end within this time after its faults is stuck",
      "300",
    )
    .option("--replace", "drop the datasets of an earlier drill first")
    .option("--keep", "leave the drill's datasets also when they are equal")
    .option("--yes", "do it: without, the drill only says what it would do")
    .option("--json", "print one JSON document")
    .action(
      ofPipeline((config, pipeline, options) =>
        (require("./drill-command") as typeof import("./drill-command")).drillCommand(
          config,
          pipeline,
          options as never,
        ),
      ),
    );
  tidemark
    .command("drill-host", { hidden: true })
    .action(() =>
      (require("../drill/host-process") as typeof import("../drill/host-process")).hostProcess(here()),
    );
  tidemark
    .command("publish")
    .argument("<pipeline>", "name or path of the spec")
    .description("Make a candidate of dbt's live that waits for a person, or say what there is")
    .option("--generation <n>", "this one, whatever was decided")
    .option("--json", "print one JSON document")
    .action(
      ofPipeline((config, pipeline, options) =>
        (require("./publish-command") as typeof import("./publish-command")).publishCommand(
          config,
          pipeline,
          options as never,
        ),
      ),
    );
  tidemark
    .command("rollback")
    .argument("<pipeline>", "name or path of the spec")
    .description("Show readers the generation of dbt's objects that was live before")
    .option("--to <n>", "this generation")
    .option("--json", "print one JSON document")
    .action(
      ofPipeline((config, pipeline, options) =>
        (require("./publish-command") as typeof import("./publish-command")).rollbackCommand(
          config,
          pipeline,
          options as never,
        ),
      ),
    );
  tidemark
    .command("dbt")
    .description(
      "Pass everything after it on to dbt as the worker runs it; --pipeline <name> first: its place",
    );
  tidemark
    .command("temporal")
    .description("Pass everything after it on to the Temporal CLI, connected to this project's server");
  return tidemark;
}
