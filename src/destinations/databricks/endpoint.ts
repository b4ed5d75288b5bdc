/** Where the workspace answers, and whom to trust there. */
import { readFile } from "node:fs/promises";
import { Agent } from "node:https";
import { TidemarkError } from "../../pipeline/errors";
import { type DatabricksDestination, usesTaskSession } from "./spec";

export interface Endpoint {
  host: string;
  port: number;
  /** Keeps connections; trusts `ca_file` too. */
  agent: Agent;
  ca: string | undefined;
  /** For messages: host and path of the warehouse, or whose session it is. */
  where: string;
}

export async function openEndpoint(spec: DatabricksDestination): Promise<Endpoint> {
  const host = spec.server_hostname.replace(/^https?:\/\//, "").replace(/\/+$/, "");
  const ca = spec.ca_file === undefined ? undefined : await readCa(spec.ca_file);
  return {
    host,
    port: spec.port ?? 443,
    agent: new Agent({ keepAlive: true, maxSockets: 16, ...(ca === undefined ? {} : { ca }) }),
    ca,
    where: usesTaskSession(spec) ? `${host} (this task's Spark session)` : `${host}${spec.http_path}`,
  };
}

async function readCa(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch {
    throw new TidemarkError(
      "DESTINATION_DENIED",
      `Databricks: ca_file ${file} cannot be read. Correct the path.`,
    );
  }
}
