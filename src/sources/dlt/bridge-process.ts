/**
 * One run of the bridge in the project's Python: a request goes in, events come out, and the process group is ended when
 * the signal says so, when it is silent for too long, or when it uses too much memory.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { TidemarkError } from "../../pipeline/errors";
import type { JsonObject } from "../../pipeline/spec";
import { endLeftBehind, startGroup } from "../../processes/process-group";
import { OutputLog } from "./output-log";

/** The folder `python` lies beside `src` and beside `dist`. */
const SCRIPT = join(__dirname, "..", "..", "..", "python", "bridge.py");
/** From SIGINT, which Python's code may catch to clean up, to SIGKILL. */
const GRACE_MS = 5_000;
const WATCH_MS = 1_000;

export interface BridgeEvent {
  event: string;
  [key: string]: unknown;
}

export interface BridgeOptions {
  python: string;
  project: string;
  env: { readonly [name: string]: string | undefined };
  /** Absolute; the log of what Python prints and the record of its process lie there. */
  folder: string;
  secrets: readonly string[];
  memory_bytes?: number;
  timeout_ms?: number;
  idle_ms: number;
  signal: AbortSignal;
  onEvent: (event: BridgeEvent) => void;
  /** What is printed, as it comes; it may hold secrets. */
  onOutput?: (text: string) => void;
  /** Answers the event `run`; Python waits for it. */
  answer?: (event: BridgeEvent) => Promise<JsonObject>;
}

export interface BridgeEnd {
  /** The last event, where there was one that says how it went. */
  last: BridgeEvent | undefined;
  code: number | null;
  signal: NodeJS.Signals | null;
  /** The last of what was printed, masked. */
  tail: string;
  log: string;
}

const LAST_EVENTS = new Set(["described", "extracted", "ended", "failed"]);

/**
 * @throws TidemarkError PYTHON_MISSING, PYTHON_TIMEOUT, PYTHON_MEMORY; the signal's reason when aborted, after Python has
 *   ended
 */
export async function runBridge(request: JsonObject, options: BridgeOptions): Promise<BridgeEnd> {
  options.signal.throwIfAborted();
  const recordPath = join(options.folder, "python-process.json");
  await endLeftBehind(recordPath, GRACE_MS);
  const group = await startGroup(options.python, ["-X", "utf8", SCRIPT], {
    cwd: options.project,
    env: childEnvironment(options.env),
    recordPath,
    fds: ["pipe", "pipe", "pipe", "pipe"],
  }).catch(error => {
    throw new TidemarkError(
      "PYTHON_MISSING",
      `Python could not be started (${options.python}: ${(error as NodeJS.ErrnoException).code ?? "unknown"}). Name one by source.python.`,
      { step: "extract" },
    );
  });
  const { child } = group;
  const log = join(options.folder, "python.log");
  const output = new OutputLog(log, options.secrets);
  let heard = performance.now();
  let last: BridgeEvent | undefined;
  let because: TidemarkError | undefined;
  let killer: NodeJS.Timeout | undefined;
  const end = (why?: TidemarkError) => {
    because ??= why;
    if (killer !== undefined) return;
    group.kill("SIGINT");
    killer = setTimeout(() => group.kill("SIGKILL"), GRACE_MS);
  };
  for (const stream of [child.stdout!, child.stderr!]) {
    stream.on("data", (chunk: Buffer) => {
      heard = performance.now();
      output.take(chunk);
      options.onOutput?.(chunk.toString("utf8"));
    });
  }
  const events = createInterface({ input: child.stdio[3] as Readable });
  const read = new Promise<void>(done => events.once("close", done));
  events.on("line", line => {
    const event = eventOf(line);
    if (event === undefined) return;
    heard = performance.now();
    if (LAST_EVENTS.has(event.event)) last = event;
    else if (event.event === "run" && options.answer !== undefined) {
      const failed = (error: unknown) => ({ failed: error instanceof Error ? error.message : String(error) });
      options
        .answer(event)
        .catch(failed)
        .then(reply => child.stdin!.write(`${JSON.stringify(reply)}\n`));
    } else options.onEvent(event);
  });
  // Python may end before it has read all of the request.
  child.stdin!.on("error", () => {});
  child.stdin!.write(`${JSON.stringify(request)}\n`);
  if (options.answer === undefined) child.stdin!.end();

  const started = performance.now();
  const watch = setInterval(() => {
    const now = performance.now();
    if (now - heard > options.idle_ms) end(silent(options.idle_ms));
    else if (options.timeout_ms !== undefined && now - started > options.timeout_ms)
      end(tooLong(options.timeout_ms));
    else if (options.memory_bytes !== undefined && (group.memory() ?? 0) > options.memory_bytes)
      end(tooLarge(options.memory_bytes));
  }, WATCH_MS);
  const onAbort = () => end();
  options.signal.addEventListener("abort", onAbort, { once: true });
  if (options.signal.aborted) onAbort();
  let exit: { code: number | null; signal: NodeJS.Signals | null };
  try {
    // Not "close": what the project's code has forked may hold the pipes open.
    exit = await new Promise(resolve => child.once("exit", (code, signal) => resolve({ code, signal })));
    group.kill("SIGKILL");
    await Promise.race([read, new Promise(done => setTimeout(done, 2_000).unref())]);
  } finally {
    clearInterval(watch);
    clearTimeout(killer);
    options.signal.removeEventListener("abort", onAbort);
    group.forget();
    output.finish();
    for (const stream of child.stdio) stream?.destroy();
  }
  options.signal.throwIfAborted();
  if (because !== undefined) throw because;
  return { last, ...exit, tail: output.tail, log: existsSync(log) ? log : "" };
}

function eventOf(line: string): BridgeEvent | undefined {
  try {
    const event = JSON.parse(line) as BridgeEvent | null;
    return typeof event?.event === "string" ? event : undefined;
  } catch {
    return undefined;
  }
}

/** The worker's own, without what is only for Temporal, and with what keeps dlt's formats as the worker reads them. */
function childEnvironment(env: BridgeOptions["env"]): Record<string, string> {
  const kept: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !name.startsWith("TEMPORAL_")) kept[name] = value;
  }
  for (const name of ["DLT_JSON_TYPED_PUA_START", "DLT_DLT_ID_LENGTH_BYTES", "PYTHONSTARTUP"])
    delete kept[name];
  return {
    RUNTIME__DLTHUB_TELEMETRY: "false",
    ...kept,
    // State is handed in and taken out by the worker.
    RESTORE_FROM_DESTINATION: "false",
    EXTRACT__DATA_WRITER__DISABLE_COMPRESSION: "true",
    PYTHONUNBUFFERED: "1",
    PYTHONDONTWRITEBYTECODE: kept.PYTHONDONTWRITEBYTECODE ?? "1",
  };
}

const inSeconds = (ms: number) => `${Math.round(ms / 1000)} seconds`;

function silent(ms: number): TidemarkError {
  return new TidemarkError(
    "PYTHON_TIMEOUT",
    `The project's Python gave no row, no page and no line of output for ${inSeconds(ms)} and was ended; nothing was loaded. Look where it waits, or raise source.idle_timeout_seconds.`,
    { step: "extract" },
  );
}

function tooLong(ms: number): TidemarkError {
  return new TidemarkError(
    "PYTHON_TIMEOUT",
    `The extraction in Python took longer than ${inSeconds(ms)} (source.timeout_seconds) and was ended; nothing was loaded.`,
    { step: "extract" },
  );
}

function tooLarge(bytes: number): TidemarkError {
  return new TidemarkError(
    "PYTHON_MEMORY",
    `The project's Python used more than ${Math.round(bytes / 1024 / 1024)} MB (source.memory_limit) and was ended; nothing was loaded. Yield smaller pages, or raise the limit.`,
    { step: "extract" },
  );
}
