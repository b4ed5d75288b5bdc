/**
 * Payloads as Temporal's default converter reads them, but that an unreadable one is no error. Anybody may send a
 * signal or a start whose input is no JSON or of an unknown encoding; thrown here, outside of any handler, that error
 * would repeat the workflow's task for ever. So it becomes a value that every check refuses by name.
 */
import { DefaultPayloadConverter, type Payload } from "@temporalio/common";

class ForgivingPayloadConverter extends DefaultPayloadConverter {
  override fromPayload<T>(payload: Payload, ...rest: never[]): T {
    try {
      return super.fromPayload<T>(payload, ...rest);
    } catch {
      return { "unreadable payload": "no JSON, or of an unknown encoding" } as T;
    }
  }
}

/** The name that the SDK asks for. */
export const payloadConverter = new ForgivingPayloadConverter();
