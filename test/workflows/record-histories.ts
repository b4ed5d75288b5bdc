/**
 * Records the histories (as protobuf) that replay.test.ts replays: `npx tsx test/workflows/record-histories.ts ADDRESS` against a
 * running dev server. Record from the code that is deployed, before changing a workflow: a recorded history stands for
 * runs that are open while the new code is rolled out. Old recordings stay.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import { ApplicationFailure } from "@temporalio/common";
import { temporal } from "@temporalio/proto";
import type { RunInput } from "../../src/pipeline/spec";
import { cacheDir } from "../../src/tools";
import { workflowBundle } from "../../src/workflow-bundle";
import { type Call, committedPackage, type Fakes, fakes } from "../support/fake-activities";
import { testWorker } from "../support/temporal";

const FOLDER = join(__dirname, "histories");
/** Of these recordings; those of before have none, or another. */
const PREFIX = "one-commit-";

interface Scenario {
  name: string;
  input?: Partial<RunInput>;
  backfill?: object;
  more?: (calls: Call[]) => Fakes;
}

const SCENARIOS: Scenario[] = [
  { name: "load" },
  {
    name: "idle",
    more: () => ({ finishExtract: async () => ({ has_work: false, cursors: [], notes: [] }) }),
  },
  {
    name: "retries",
    more: () => {
      let tries = 0;
      return {
        commitPackage: async () => {
          if (++tries < 3) {
            const failure = ApplicationFailure.retryable("not yet", "DESTINATION_BUSY");
            // A recording names no folder of the machine that made it.
            failure.stack = "";
            throw failure;
          }
          return committedPackage();
        },
      };
    },
  },
  {
    name: "backfill",
    input: { load: false },
    backfill: { resource: "customers", from: "2026-01-01", to: "2026-02-01" },
  },
];

async function main(address: string): Promise<void> {
  process.env.TIDEMARK_TEST_ADDRESS = address;
  process.env.TIDEMARK_TEST_BUNDLE = await workflowBundle(cacheDir(process.env));
  mkdirSync(FOLDER, { recursive: true });
  const connection = await Connection.connect({ address });
  const client = new Client({ connection, identity: "recorder" });
  for (const { name, input, backfill, more } of SCENARIOS) {
    const id = `recorded-${name}`;
    const calls: Call[] = [];
    const worker = await testWorker(
      [`q-${id}`, `q-${id}-disk`],
      fakes(id, `q-${id}-disk`, calls, more?.(calls)),
    );
    const options = { workflowId: id, taskQueue: `q-${id}`, args: [{ pipeline: id, ...input }] };
    const handle =
      backfill === undefined
        ? await client.workflow.start("pipeline", options)
        : await client.workflow.signalWithStart("pipeline", {
            ...options,
            signal: "backfill",
            signalArgs: [backfill],
          });
    await handle.result();
    await worker.stop();
    for (const [workflow, workflowId] of [
      ["pipeline", id],
      ["load", `load/${id}`],
    ] as const) {
      const history = await client.workflow.getHandle(workflowId).fetchHistory();
      const { History } = temporal.api.history.v1;
      writeFileSync(join(FOLDER, `${PREFIX}${name}.${workflow}.bin`), History.encode(history).finish());
    }
  }
  await connection.close();
}

main(process.argv[2] ?? "127.0.0.1:7233").then(
  () => process.exit(0),
  error => {
    console.error(error);
    process.exit(1);
  },
);
