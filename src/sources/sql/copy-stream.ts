/** `COPY … TO STDOUT (FORMAT binary)`: the rows of a query as bytes, the fastest way out of PostgreSQL. */
import type { Client, ClientConfig } from "pg";
import { to as copyTo } from "pg-copy-streams";
import { BEGIN, closeClient, orAbort, type StreamOptions, withClient } from "./connection";
import { sqlError } from "./sql-errors";

/**
 * @param query without parameters: COPY takes none, its values are escaped literals
 * @throws TidemarkError SQL_CONNECTION, SQL_UNAUTHORIZED, SQL_QUERY; the signal's reason when it aborts
 */
export async function* streamCopy(
  config: ClientConfig,
  query: string,
  options: StreamOptions,
): AsyncGenerator<Buffer> {
  try {
    yield* await withClient(config, options, client => chunks(client, config, query, options));
  } catch (error) {
    if (options.signal.aborted) throw options.signal.reason;
    throw sqlError(error, options.where);
  }
}

async function* chunks(
  client: Client,
  config: ClientConfig,
  query: string,
  { signal, onRequest }: StreamOptions,
): AsyncGenerator<Buffer> {
  let finished = false;
  try {
    await orAbort(signal, client.query(BEGIN));
    onRequest?.();
    const stream = client.query(copyTo(`COPY (${query}) TO STDOUT (FORMAT binary)`));
    // an error between two reads is told by the next read
    stream.on("error", () => {});
    const reader = stream[Symbol.asyncIterator]();
    for (;;) {
      const next = await orAbort(signal, reader.next());
      if (next.done) break;
      yield next.value as Buffer;
    }
    finished = true;
  } finally {
    await closeClient(client, config, finished);
  }
}
