/** `COPY … TO STDOUT (FORMAT binary)`: the rows of a query as bytes, the fastest way out of PostgreSQL. */
import type { Client } from "pg";
import { to as copyTo } from "pg-copy-streams";
import { orAbort } from "../../postgres-connection/connect";
import type { ConnectionSettings } from "../../postgres-connection/credentials";
import { inTransaction, type StreamOptions } from "./connection";

/** The server times statements, and a COPY is one, however long its rows are taken. */
export class StatementsAreTimed extends Error {}

export interface CopyOptions extends StreamOptions {
  /** Refuse to begin where the server times statements, since what is read could not be kept. */
  untimedOnly: boolean;
}

/**
 * @param query without parameters: COPY takes none, its values are escaped literals
 * @throws StatementsAreTimed; TidemarkError SQL_CONNECTION, SQL_UNAUTHORIZED, SQL_SETTINGS, SQL_QUERY; the signal's
 * reason when it aborts
 */
export async function* streamCopy(
  settings: ConnectionSettings,
  query: string,
  options: CopyOptions,
): AsyncGenerator<Buffer> {
  let isTimed = false;
  yield* inTransaction(settings, options, (client, { statementMs }) => {
    isTimed = options.untimedOnly && statementMs > 0;
    return isTimed ? nothing() : chunks(client, query, options);
  });
  if (isTimed) throw new StatementsAreTimed();
}

async function* nothing(): AsyncGenerator<Buffer> {}

async function* chunks(
  client: Client,
  query: string,
  { signal, onRequest }: StreamOptions,
): AsyncGenerator<Buffer> {
  onRequest?.();
  const stream = client.query(copyTo(`COPY (${query}) TO STDOUT (FORMAT binary)`));
  // an error between two reads is told by the next read
  stream.on("error", () => {});
  const reader = stream[Symbol.asyncIterator]();
  for (;;) {
    const next = await orAbort(signal, reader.next(), client);
    if (next.done) break;
    yield next.value as Buffer;
  }
}
