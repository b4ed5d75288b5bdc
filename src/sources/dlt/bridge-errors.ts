/** From how the bridge ended to an error with a code. Its messages name places in the project, never a row. */
import { type ErrorCode, TidemarkError } from "../../pipeline/errors";
import type { BridgeEnd, BridgeEvent } from "./bridge-process";

const LONGEST = 1_000;

const CODES: { [kind: string]: ErrorCode } = {
  no_dlt: "PYTHON_DLT",
  dlt_version: "PYTHON_DLT",
  no_module: "PYTHON_SOURCE",
  no_source: "PYTHON_SOURCE",
  arguments: "PYTHON_SOURCE",
  unsupported: "PYTHON_SOURCE",
  missing_module: "PYTHON_REQUIREMENTS",
  config: "SECRET_MISSING",
  contract: "CONTRACT_VIOLATION",
  memory: "PYTHON_MEMORY",
};

/** @param what is being read, for messages: module and function */
export function bridgeError(end: BridgeEnd, what: string): TidemarkError {
  const { last } = end;
  const cause = new Error(end.tail);
  if (last?.event !== "failed") {
    const how = end.signal === null ? `ended with code ${end.code}` : `was ended by ${end.signal}`;
    return new TidemarkError(
      "PYTHON_DIED",
      `The project's Python (${what}) ${how} without an error of its own; nothing was loaded. Was it killed, or out of memory? ${where(end)}`,
      { step: "extract", cause },
    );
  }
  const kind = String(last.kind);
  if (kind === "raised") return raised(last, what, cause);
  return new TidemarkError(CODES[kind] ?? "SOURCE_CODE_FAILED", message(last, what), {
    step: "extract",
    cause,
    ...(kind === "contract" ? { dltException: "DataValidationError" } : {}),
  });
}

function message(failed: BridgeEvent, what: string): string {
  switch (failed.kind) {
    case "missing_module":
      return `${what}: ${text(failed.message)}. Install it into the project's Python, or add it to the project's requirements.${frames(failed)}`;
    case "config":
      return `${what} needs settings that dlt did not find: ${names(failed.fields)}. Set the environment variables of these names where the worker runs, or put them into .dlt/secrets.toml or config.toml of the project, or into source.settings.`;
    case "contract":
      return `A schema contract refuses ${text(failed.entity)} of table "${text(failed.table)}"${failed.column ? `, column "${text(failed.column)}"` : ""} (${what}). Nothing was loaded. Loosen the contract, or correct the data.`;
    case "memory":
      return `${what} ran out of memory in Python; nothing was loaded. Yield smaller pages, or give the worker more.`;
    default:
      return `${what}: ${text(failed.message)}`;
  }
}

/** What was raised may quote a row: its class and place here, all of it in the worker's log. */
function raised(failed: BridgeEvent, what: string, cause: Error): TidemarkError {
  const resource = failed.resource ? `resource "${text(failed.resource)}" of ${what}` : what;
  const status = failed.status ? ` (status ${text(failed.status)})` : "";
  const advice = failed.transient ? "" : " The message is in the worker's log, as it may quote a row.";
  return new TidemarkError(
    failed.transient ? "PYTHON_SOURCE_UNAVAILABLE" : "SOURCE_CODE_FAILED",
    `${text(failed.class)}${status} was raised in ${resource}. Nothing was loaded.${frames(failed)}${advice}`,
    { step: "extract", cause },
  );
}

function frames({ frames }: BridgeEvent): string {
  return Array.isArray(frames) && frames.length > 0 ? ` At ${frames.map(text).join(" → ")}.` : "";
}

const names = (fields: unknown) => (Array.isArray(fields) ? fields.map(text).join(", ") : "unknown");
const text = (value: unknown) => String(value ?? "").slice(0, LONGEST);
const where = ({ log }: BridgeEnd) => (log === "" ? "It printed nothing." : `What it printed is in ${log}.`);
