/** `tidemark drill`: a pipeline of one's own under faults, into datasets of its own, beside an undisturbed run. */
import type { Config } from "../config";
import { connect } from "../connect";
import { closeDestinations } from "../destinations/registry";
import { FAULTS } from "../drill/faults";
import { reportText } from "../drill/report";
import { drillStaging, planStagingDrill, STAGING_FAULTS } from "../drill/staging-drill";
import { TidemarkError } from "../pipeline/errors";
import { EXIT } from "./exit-codes";

export interface DrillOptions {
  seed: string;
  rounds: string;
  stuckAfter: string;
  yes?: boolean;
  replace?: boolean;
  keep?: boolean;
  json?: boolean;
}

export async function drillCommand(config: Config, pipeline: string, options: DrillOptions): Promise<void> {
  const numbers = {
    seed: wholeNumber("--seed", options.seed, 0),
    rounds: wholeNumber("--rounds", options.rounds, 1),
    stuckAfterMs: wholeNumber("--stuck-after", options.stuckAfter, 1) * 1000,
  };
  const plan = planStagingDrill(config, pipeline, numbers);
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  say(
    [
      `This drill of ${pipeline} will, at ${plan.destination}:`,
      `  1. load it three times, undisturbed, into dataset ${plan.undisturbed};`,
      `  2. ${numbers.rounds} times load it three times into dataset ${plan.disturbed}, under faults:`,
      ...STAGING_FAULTS.map(kind => `       ${kind}: ${FAULTS[kind]}`),
      `  3. compare the two row by row, and drop both when they are equal${options.keep ? " (not with --keep)" : ""}.`,
      `Dataset ${plan.dataset} is not touched, nor are workers and runs of yours: the drill starts two workers of its own.`,
      `Your source is read ${3 + 3 * numbers.rounds} times or more. Rows that change there meanwhile show up as differences.`,
    ].join("\n"),
  );
  if (!options.yes) {
    say("Nothing was done. Run it again with --yes.");
    process.exitCode = EXIT.usage;
    return;
  }
  const connected = await connect(config);
  try {
    const report = await drillStaging(config, pipeline, connected, {
      ...numbers,
      replace: options.replace === true,
      keep: options.keep === true,
      program: process.argv[1]!,
      say,
    });
    process.stdout.write(
      options.json
        ? `${JSON.stringify(report, null, 2)}\n`
        : reportText(report, () => `tidemark drill ${pipeline} --seed ${numbers.seed} --replace --yes`),
    );
    process.exitCode = report.failed.length > 0 ? EXIT.failed : EXIT.done;
  } finally {
    await closeDestinations();
    await connected.close();
  }
}

function wholeNumber(option: string, text: string, least: number): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least) return value;
  throw new TidemarkError("SPEC_INVALID", `${option} must be a whole number from ${least}, not "${text}".`);
}
