/** Inside a host of a drill: a worker that tells its parent when a moment has come, and strikes itself if asked to. */
import type { Config } from "../config";
import { TidemarkError } from "../pipeline/errors";
import type { ProgressEvent } from "../pipeline/infos";
import { startWorker } from "../worker";
import type { ArmMessage, DisarmMessage, HostMessage } from "./hosts";

/** Resolves when the worker has stopped. Without a parent there is nobody to work for: it then ends at once. */
export async function hostProcess(config: Config): Promise<void> {
  if (process.send === undefined || config.temporal === undefined) {
    throw new TidemarkError(
      "SPEC_INVALID",
      "This command is started by `tidemark drill` itself; run `tidemark drill <pipeline>`.",
    );
  }
  const tell = (message: HostMessage) => process.send!(message, undefined, undefined, () => {});
  let armed: { arm: ArmMessage["arm"]; seen: number }[] = [];
  process.on("message", (message: ArmMessage | DisarmMessage) => {
    if ("arm" in message) armed.push({ arm: message.arm, seen: 0 });
    else if ("disarm" in message) {
      armed = message.disarm === "all" ? [] : armed.filter(one => one.arm.id !== message.disarm);
    }
  });
  process.once("disconnect", () => process.exit(1));
  const observe = (event: ProgressEvent) => {
    tell({ working: true });
    for (const one of [...armed]) {
      const { at, id, self } = one.arm;
      if (event.step !== at.step || (at.phase !== undefined && event.phase !== at.phase)) continue;
      if (++one.seen < at.nth) continue;
      armed = armed.filter(other => other !== one);
      tell({ hit: id, event: { step: event.step, phase: event.phase } });
      if (self !== undefined) process.kill(process.pid, self);
    }
  };
  const worker = await startWorker(config, { address: config.temporal.address, kind: "worker", observe });
  process.once("SIGTERM", () => void worker.stop());
  tell({ ready: true });
  await worker.done;
}
