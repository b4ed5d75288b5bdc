/** The way to a Temporal server: the one that the configuration names, else the local dev server. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { Client, Connection } from "@temporalio/client";
import type { Config } from "./config";
import { dataConverterOf } from "./data-converter";
import { type DevServer, isAlive, runningDevServer, useDevServer, WORKER_RECORD } from "./dev-server";
import { TidemarkError } from "./pipeline/errors";

export interface Connected {
  client: Client;
  address: string;
  /** Where a browser shows the runs; known for the local dev server only. */
  uiUrl?: string;
  devServer?: DevServer;
  close(options?: { keep?: boolean }): Promise<void>;
}

/**
 * TEMPORAL_ADDRESS or a Temporal client profile, else the local dev server.
 * @param signal ends the wait for a dev server that starts, and that server
 * @throws TidemarkError DESTINATION_UNAVAILABLE; the signal's reason when aborted
 */
export async function connect(config: Config, signal?: AbortSignal): Promise<Connected> {
  if (config.temporal !== undefined) {
    const { address, options } = config.temporal;
    const connection = await connectTo({ ...options, address });
    return {
      client: clientOver(connection, config),
      address,
      close: () => connection.close(),
    };
  }
  const devServer = await useDevServer(config, signal);
  const connection = await connectTo({ address: devServer.address });
  return {
    client: clientOver(connection, config),
    address: devServer.address,
    uiUrl: devServer.uiUrl,
    devServer,
    async close(options) {
      await connection.close();
      await devServer.leave(options);
    },
  };
}

/** A connection to a server that is there: none is started, and without TEMPORAL_ADDRESS none need be. */
export async function connectIfRunning(
  config: Config,
): Promise<Pick<Connected, "client" | "close"> | undefined> {
  const { address, options } = config.temporal ?? { address: runningDevServer(config), options: {} };
  if (address === undefined) return undefined;
  const connection = await connectTo({ ...options, address });
  return { client: clientOver(connection, config), close: () => connection.close() };
}

/** True when a worker that stays (`tidemark dev`, `tidemark worker`) of this project serves that server. */
export function hasStayingWorker(config: Config, address: string): boolean {
  const file = join(config.home, WORKER_RECORD);
  if (!existsSync(file)) return false;
  try {
    const record = JSON.parse(readFileSync(file, "utf8")) as { pid: number; address: string };
    return record.address === address && isAlive(record.pid);
  } catch {
    return false;
  }
}

function clientOver(connection: Connection, config: Config): Client {
  return new Client({
    connection,
    namespace: config.namespace,
    dataConverter: dataConverterOf(config),
  });
}

async function connectTo(
  options: Parameters<typeof Connection.connect>[0] & { address: string },
): Promise<Connection> {
  try {
    return await Connection.connect({ connectTimeout: "10 seconds", ...options });
  } catch (error) {
    throw new TidemarkError(
      "DESTINATION_UNAVAILABLE",
      `The Temporal server at ${options.address} does not answer (${(error as Error).message}). ` +
        "Check TEMPORAL_ADDRESS, or unset it to use the local dev server.",
    );
  }
}
