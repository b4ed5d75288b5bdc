/**
 * Normalize that begins before extract has ended. A thread of its own takes the rows of a resource as they become safe
 * on disk; when the step comes, what the thread has made counts if it was made from the same input, and is thrown away
 * if not. So the step's result does not depend on whether there was a thread, how far it came or when it was fed.
 */
import { existsSync } from "node:fs";
import { rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { parseJson } from "../json/parse";
import { orjsonText } from "../json/print";
import type { Value } from "../json/values";
import type { MoreRows, ThreadData, ThreadInput, ThreadMessage } from "./normalize-thread";
import type { NormalizeInput, NormalizeOutput, ResourceSegments, Segment } from "./types";

/** Compiled code only: a thread has none of the loaders that tests run sources with. */
const THREAD = join(__dirname, "normalize-thread.js");
/** The rows lie in native memory; a young generation of the usual size would only grow the process (measured: 40 MB). */
const YOUNG_GENERATION_MB = 8;

export type StartThread = (input: ThreadData) => Worker;

/** Undefined: threads would not help here. */
export function threadStarter(): StartThread | undefined {
  if (availableParallelism() < 2 || !existsSync(THREAD)) return undefined;
  return input =>
    new Worker(THREAD, {
      workerData: input,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
      // Ours are meant for the process: a profile, a loader.
      execArgv: [],
    });
}

export class NormalizeAhead {
  private readonly thread: Worker;
  /** By segment, in order: how much of it the thread was given. */
  private readonly given: { path: string; bytes: number }[] = [];
  private readonly wanted: string;
  private output: string | undefined;
  private ended = false;
  private onNews: () => void = () => {};
  private progress = { rows: 0, bytes: 0 };

  /** @param input its `out_dir` is an existing folder of the thread's own */
  constructor(
    private readonly input: ThreadInput,
    start: StartThread,
  ) {
    this.wanted = whatMatters(input);
    this.thread = start({ ...input, schema: orjsonText(input.schema as unknown as Value) });
    // A worker that is asked to end does not wait for what may not be needed.
    this.thread.unref();
    this.thread.on("message", (message: ThreadMessage) => {
      if ("output" in message) this.output = message.output;
      else if ("rows" in message) this.progress = message;
      this.ended ||= "output" in message || "failed" in message;
      this.onNews();
    });
    const end = (): void => {
      this.ended = true;
      this.onNews();
    };
    this.thread.on("error", end);
    this.thread.on("exit", end);
  }

  /**
   * More rows are safe. False: they are not those that the thread was given with more behind them, or it has failed;
   * nothing will come of it.
   */
  feed(segments: readonly Segment[], last = false): boolean {
    if (this.ended || segments.length < this.given.length) return false;
    const pieces: Segment[] = [];
    for (const [i, segment] of segments.entries()) {
      const before = this.given[i];
      if (before !== undefined && (before.path !== segment.path || before.bytes > segment.bytes))
        return false;
      const from = before?.bytes ?? 0;
      // Only the last one that was given may have grown.
      if (before !== undefined && from < segment.bytes && i < this.given.length - 1) return false;
      if (from < segment.bytes) pieces.push({ ...segment, ...(from === 0 ? {} : { from }) });
      this.given[i] = { path: segment.path, bytes: segment.bytes };
    }
    if (pieces.length > 0 || last) this.thread.postMessage({ pieces, last } satisfies MoreRows);
    return true;
  }

  /**
   * The step's result, its files in the thread's `out_dir`; undefined: the step has to do the work, as the thread was given something
   * else or has failed. To be called once.
   * @param input what the step would work from; its `out_dir` does not matter
   * @throws the reason of the signal when it is aborted
   */
  async finish(
    input: NormalizeInput & { resources: (ResourceSegments & { segments: Segment[] })[] },
  ): Promise<NormalizeOutput | undefined> {
    const [only, ...others] = input.resources;
    const fits =
      only !== undefined &&
      others.length === 0 &&
      whatMatters({ ...input, resource: only.resource, table: only.table }) === this.wanted &&
      this.feed(only.segments, true);
    if (fits) await this.untilEnded(input);
    if (this.output !== undefined) {
      await this.thread.terminate();
      return parseJson(this.output) as unknown as NormalizeOutput;
    }
    await this.dispose();
    input.signal.throwIfAborted();
    return undefined;
  }

  /** Ends the thread and removes what it wrote. */
  async dispose(): Promise<void> {
    this.ended = true;
    await this.thread.terminate();
    await rm(this.input.out_dir, { recursive: true, force: true });
  }

  private async untilEnded({ signal, onProgress }: NormalizeInput): Promise<void> {
    this.thread.ref();
    const { table } = this.input;
    await new Promise<void>(done => {
      const look = (): void => {
        if (this.ended || signal.aborted) done();
        else onProgress({ step: "normalize", subject: table, ...this.progress });
      };
      this.onNews = look;
      signal.addEventListener("abort", look, { once: true });
      look();
    });
    this.onNews = () => {};
  }
}

/** Everything that decides what comes out, but the rows. */
function whatMatters({
  load_id,
  schema,
  with_state,
  capabilities,
  limits,
  resource,
  table,
}: Omit<ThreadInput, "out_dir">): string {
  return orjsonText({
    load_id,
    schema,
    with_state: with_state === true,
    capabilities,
    limits,
    resource,
    table,
  } as unknown as Value);
}
