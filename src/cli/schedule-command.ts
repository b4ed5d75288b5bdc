/** `tidemark schedule`: the pipeline's Temporal Schedule. Needs a worker that stays (`tidemark dev`) to be served. */
import { ScheduleNotFoundError, ScheduleOverlapPolicy } from "@temporalio/client";
import { connect } from "../client";
import type { Config } from "../config";
import { TidemarkError } from "../pipeline/errors";
import { WORKFLOW_PIPELINE } from "../pipeline/names";
import { loadSpec } from "../spec/load-spec";
import { resolveSpec } from "../spec/resolve-spec";

interface ScheduleOptions {
  every?: string;
  cron?: string;
  remove?: boolean;
}

export async function scheduleCommand(
  config: Config,
  pipeline: string,
  options: ScheduleOptions,
): Promise<void> {
  const spec = resolveSpec(loadSpec(pipeline, config), {}, config);
  const given = [options.every, options.cron, options.remove].filter(Boolean).length;
  if (given !== 1)
    throw new TidemarkError("SPEC_INVALID", "Give one of --every 1h, --cron '0 6 * * *', --remove.");
  const connected = await connect(config);
  const scheduleId = spec.pipeline_name;
  try {
    const handle = connected.client.schedule.getHandle(scheduleId);
    try {
      await handle.delete();
    } catch (error) {
      if (!(error instanceof ScheduleNotFoundError)) throw error;
    }
    if (options.remove) {
      console.log(`Schedule ${scheduleId} is removed.`);
      return;
    }
    await connected.client.schedule.create({
      scheduleId,
      spec: options.cron
        ? { cronExpressions: [options.cron] }
        : { intervals: [{ every: options.every as `${number}h` }] },
      policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: "1 day" },
      action: {
        type: "startWorkflow",
        workflowType: WORKFLOW_PIPELINE,
        workflowId: spec.pipeline_name,
        taskQueue: config.taskQueue,
        args: [{ pipeline }],
      },
    });
    console.log(
      `Schedule ${scheduleId}: ${options.cron ?? `every ${options.every}`}. A worker must be up: bin/tidemark dev.`,
    );
  } finally {
    await connected.close();
  }
}
