/** Workflows of somebody else on a shared server: one has the name of ours. */
import { condition, defineSignal, setHandler } from "@temporalio/workflow";

const backfill = defineSignal("backfill");

/** Ends when it is told to, and says what else it was told. */
export async function shopkeeper(): Promise<{ told: number }> {
  let over = false;
  let told = 0;
  setHandler(defineSignal("close"), () => {
    over = true;
  });
  setHandler(backfill, () => {
    told++;
  });
  await condition(() => over);
  return { told };
}

export { shopkeeper as pipeline };
