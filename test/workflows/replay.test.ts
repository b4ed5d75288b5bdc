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

/** The first completed activity's answer, changed. */
function answered(file: string, change: (answer: object) => object): Buffer {
  const { History } = temporal.api.history.v1;
  const history = History.decode(readFileSync(join(FOLDER, file)));
  const completed = history.events!.find(event => event.activityTaskCompletedEventAttributes)!;
  const [payload] = completed.activityTaskCompletedEventAttributes!.result!.payloads!;
  const answer = JSON.parse(Buffer.from(payload!.data!).toString()) as object;
  payload!.data = Buffer.from(JSON.stringify(change(answer)));
  return Buffer.from(History.encode(history).finish());
}

const HOST = { host: "a", disk: "d", extract: "d-extract", dbt: "d-dbt", lease: "d-lease" };

test.each(files.filter(file => !file.startsWith("hosts-")))(
  "%s, begun by a worker of before and answered by one of now, keeps its road",
  async file => {
    const told = file.includes(".pipeline.")
      ? { host: HOST, holder: { ...HOST, disk: "other" }, place: "f00d" }
      : { host: HOST, reservation: { destination: { type: "duckdb" }, dataset: "raw", pipeline_name: "p" } };
    const bytes = answered(file, answer => ({ ...answer, ...told }));
    expect(await replay(file, () => bytes)).toBeUndefined();
  },
);

test("a history of other steps does not replay", async () => {
  // Of the same length, so that the protobuf stays whole.
  const error = await replay("load.load.bin", bytes =>
    Buffer.from(bytes.toString("latin1").replaceAll("migrateSchema", "someOtherStep"), "latin1"),
  );
  expect(error?.message).toMatch(/[Nn]ondeterminism/);
});
