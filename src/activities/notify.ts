/** Tells a receiver of the spec what happened. Failing is the notice's own affair: no run waits for it longer than minutes. */
import { Context } from "@temporalio/activity";
import type { Config } from "../config";
import { noticePayload } from "../notify/payload";
import type { Notice } from "../pipeline/notices";
import type { ResolvedPipeline } from "../pipeline/spec";
import { withNotifySecrets } from "../spec/open-source";
import { unpackSpec } from "../spec/packed-spec";
import { asStep, type StepOptions } from "./heartbeats";

export interface NotifyRequest {
  spec: ResolvedPipeline;
  /** Place of the receiver in `spec.notify`. */
  receiver: number;
  notice: Notice;
}

export function notifyActivities(config: Config, options: StepOptions) {
  return {
    notify: ({ spec: crossed, receiver, notice }: NotifyRequest): Promise<void> =>
      asStep({ step: "notify", pipeline: crossed.pipeline_name }, options, async step => {
        const spec = unpackSpec(crossed);
        const { value, secrets } = withNotifySecrets(spec.notify?.[receiver] ?? { on: [] }, receiver, config);
        step.secrets.push(...secrets);
        const { workflowExecution, namespace } = Context.current().info;
        const payload = noticePayload(notice, {
          pipeline: spec.pipeline_name,
          dataset: spec.dataset_name,
          workflow_id: workflowExecution?.workflowId ?? "",
          run_id: workflowExecution?.runId ?? "",
          namespace,
          time: new Date().toISOString(),
        });
        const { sendNotice } = require("../notify/send") as typeof import("../notify/send");
        await sendNotice(value, payload, {
          where: `notify[${receiver}]`,
          signal: step.signal,
          network: config.network,
          env: Object.fromEntries(
            Object.entries(config.env).filter((pair): pair is [string, string] => pair[1] !== undefined),
          ),
          cwd: config.cwd,
        });
      }),
  };
}
