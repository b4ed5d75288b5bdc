/** `tidemark schedule`: the pipeline's Temporal Schedule. Needs a worker that stays (`tidemark dev`) to be served. */
import { type ScheduleOutcome, TidemarkClient } from "../client";
import type { Config } from "../config";
import { connect } from "../connect";
import { TidemarkError } from "../pipeline/errors";
import { loadSpec } from "../spec/load-spec";
import { resolveSpec } from "../spec/resolve-spec";

interface ScheduleOptions {
  every?: string;
  cron?: string;
  pause?: boolean;
  resume?: boolean;
  remove?: boolean;
  json?: boolean;
}

export async function scheduleCommand(
  config: Config,
  pipeline: string,
  options: ScheduleOptions,
): Promise<void> {
  const { pipeline_name: name } = resolveSpec(loadSpec(pipeline, config), {}, config);
  const { every, cron, pause, resume, remove } = options;
  if ([every, cron, pause, resume, remove].filter(Boolean).length !== 1) {
    throw new TidemarkError(
      "SPEC_INVALID",
      "Give one of --every 1h, --cron '0 6 * * *', --pause, --resume, --remove.",
    );
  }
  const connected = await connect(config);
  const tidemark = new TidemarkClient(connected.client, { taskQueue: config.taskQueue });
  try {
    const say = (outcome: unknown, text: string) =>
      console.log(options.json ? JSON.stringify(outcome, null, 2) : text);
    const told = (what: string, ids: string[]) =>
      say({ [what]: ids }, ids.map(id => `Schedule ${id} is ${what}.`).join("\n"));
    if (remove) return told("removed", await tidemark.unschedule(pipeline, name));
    if (pause) return told("paused", await tidemark.pauseSchedule(pipeline, name));
    if (resume) return told("resumed", await tidemark.resumeSchedule(pipeline, name));
    const outcome = await tidemark.schedule(pipeline, { every, cron }, name);
    say(outcome, sentence(outcome, cron ?? `every ${every}`, connected.devServer !== undefined));
  } finally {
    await connected.close();
  }
}

function sentence({ scheduleId, paused, replaced }: ScheduleOutcome, times: string, local: boolean): string {
  return [
    `Schedule ${scheduleId}: ${times}.`,
    ...(replaced === undefined ? [] : [`It takes the place of schedule ${replaced}.`]),
    paused
      ? "It is paused and stays so: --resume lets it go on."
      : `A worker must be up: ${local ? "tidemark dev" : "tidemark worker"}.`,
  ].join(" ");
}
