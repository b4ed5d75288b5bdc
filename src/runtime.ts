/**
 * What is one per process: the SDK's runtime, with the logger and the endpoint for metrics. Only our own commands set it;
 * in somebody else's worker it is theirs.
 */
import { DefaultLogger, type LogEntry, makeTelemetryFilterString, Runtime } from "@temporalio/worker";

export interface RuntimeOptions {
  /** Lines go to stderr from this level on. */
  logLevel: "INFO" | "WARN" | "ERROR";
  logFormat: "text" | "json";
  /** Prometheus reads metrics here, as `/metrics`. */
  metricsPort?: number;
}

export function installRuntime({ logLevel, logFormat, metricsPort }: RuntimeOptions): void {
  const line = logFormat === "json" ? jsonLine : textLine;
  Runtime.install({
    // Who started the worker ends it: the SDK would stop it at once, below a run that needs it to be cancelled.
    shutdownSignals: [],
    logger: new DefaultLogger(logLevel, entry => {
      // The disk's queue carries activities only, on purpose.
      if (entry.message.startsWith("No workflows registered")) return;
      process.stderr.write(`${line(entry)}\n`);
    }),
    telemetryOptions: {
      // To the logger above: left alone, the SDK's core writes its warnings to standard output, amid a command's JSON.
      logging: { forward: {}, filter: makeTelemetryFilterString({ core: "WARN", other: "ERROR" }) },
      ...(metricsPort === undefined
        ? {}
        : {
            // Collectors come from outside this container.
            metrics: { prometheus: { bindAddress: `0.0.0.0:${metricsPort}`, useSecondsForDurations: true } },
          }),
    },
  });
}

/** In a line of text; the rest is for machines. */
const SHOWN = ["pipeline", "load_id", "step", "resource", "attempt", "workflow_id"];

export function textLine({ level, message, meta }: LogEntry): string {
  const labels = labelsOf(meta);
  const shown = SHOWN.filter(name => labels[name] !== undefined).map(name => `${name}=${labels[name]}`);
  return [level, message, ...shown].join(" ");
}

/** One JSON object: `time`, `level`, `message`, then what is known of the step. */
export function jsonLine({ level, message, timestampNanos, meta }: LogEntry): string {
  const time = new Date(Number(timestampNanos / 1_000_000n)).toISOString();
  return JSON.stringify({ time, level, message, ...labelsOf(meta) });
}

/** By a task's token anybody may complete it. */
const NOT_TOLD = new Set(["taskToken", "isLocal"]);
const NAMES: { [sdk: string]: string } = { workflowRunId: "run_id" };

/** Names as everywhere in Tidemark; of an error its class and message, which passed the door for errors. */
function labelsOf(meta: { [name: string]: unknown } | undefined): { [name: string]: unknown } {
  const labels: { [name: string]: unknown } = {};
  for (const [key, value] of Object.entries(meta ?? {})) {
    if (NOT_TOLD.has(key)) continue;
    const name = NAMES[key] ?? key.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);
    if (value instanceof Error) labels[name] = `${value.name}: ${value.message}`;
    else if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
      labels[name] = value;
  }
  return labels;
}
