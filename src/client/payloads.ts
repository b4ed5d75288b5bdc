/** What the server holds of a run, read with the client's own data converter: heartbeats, memos, failures, results. */
import type { Client } from "@temporalio/client";
import {
  decodeFromPayloadsAtIndex,
  decodeOptionalFailureToOptionalError,
} from "@temporalio/common/lib/internal-non-workflow";
import { TidemarkError } from "../pipeline/errors";

type Payloads = Parameters<typeof decodeFromPayloadsAtIndex>[2];
type Failure = Parameters<typeof decodeOptionalFailureToOptionalError>[1];

/** The details of a heartbeat. @throws what the codec throws */
export async function heartbeatOf<T>(client: Client, payloads: Payloads): Promise<T | undefined> {
  if (!payloads?.length) return undefined;
  return await decodeFromPayloadsAtIndex<T>(client.options.loadedDataConverter, 0, payloads);
}

/** The message of a failure, which a codec may have hidden. */
export async function failureMessage(client: Client, failure: Failure): Promise<string | undefined> {
  if (!failure) return undefined;
  const error = await decodeOptionalFailureToOptionalError(client.options.loadedDataConverter, failure);
  return error?.message ?? failure.message ?? undefined;
}

/** What the SDK writes in place of a failure's message where the codec keeps it. */
const HIDDEN_FAILURE = "Encoded failure";

/**
 * The call's answer, or a sentence in place of the SDK's word about bytes that this client cannot read.
 * @throws TidemarkError PAYLOAD_UNREADABLE; what the call throws
 */
export async function readable<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (!isUnreadable(error)) throw error;
    throw new TidemarkError(
      "PAYLOAD_UNREADABLE",
      `The run's payloads cannot be decoded here (${innermost(error).message}): its workers write them with a codec or ` +
        "converter that this client does not have, or with another key. Name the same one as they do: dataConverter in " +
        "tidemark.config, or TIDEMARK_DATA_CONVERTER.",
      { cause: error },
    );
  }
}

function isUnreadable(error: unknown): boolean {
  if (error instanceof TidemarkError) return false;
  const { name, message } = innermost(error);
  return (
    message === HIDDEN_FAILURE ||
    name === "PayloadConverterError" ||
    (name === "ValueError" && /unknown encoding/i.test(message))
  );
}

function innermost(error: unknown): Error {
  let current = error as Error;
  while (current?.cause instanceof Error) current = current.cause;
  return current instanceof Error ? current : new Error(String(error));
}
