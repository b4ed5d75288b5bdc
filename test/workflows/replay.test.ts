/** Recorded histories still replay: a change of the workflows' order would strand runs that are open. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { temporal } from "@temporalio/proto";
import { Worker } from "@temporalio/worker";
import "../support/temporal";

const FOLDER = join(__dirname, "histories");
const files = readdirSync(FOLDER).filter(file => file.endsWith(".bin"));

async function replay(
  file: string,
  change: (bytes: Buffer) => Buffer = bytes => bytes,
): Promise<Error | undefined> {
  const history = temporal.api.history.v1.History.decode(change(readFileSync(join(FOLDER, file))));
  const started = history.events![0]!.workflowExecutionStartedEventAttributes!;
  const results = Worker.runReplayHistories(
    { workflowBundle: { codePath: process.env.TIDEMARK_TEST_BUNDLE! } },
    [{ workflowId: started.workflowId ?? file, history }],
  );
  for await (const { error } of results) return error;
  throw new Error("nothing was replayed");
}

test("there are recordings of both workflows", () => {
  expect(files.filter(file => file.endsWith(".pipeline.bin")).length).toBeGreaterThanOrEqual(4);
  expect(files.filter(file => file.endsWith(".load.bin")).length).toBeGreaterThanOrEqual(4);
});

test.each(files)("%s replays", async file => {
  expect(await replay(file)).toBeUndefined();
});

test("a history of other steps does not replay", async () => {
  // Of the same length, so that the protobuf stays whole.
  const error = await replay("load.load.bin", bytes =>
    Buffer.from(bytes.toString("latin1").replaceAll("migrateSchema", "someOtherStep"), "latin1"),
  );
  expect(error?.message).toMatch(/[Nn]ondeterminism/);
});
