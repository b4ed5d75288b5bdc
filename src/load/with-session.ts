import type { Destination, DestinationSession } from "../destinations/destination";
import type { OnProgress } from "../pipeline/infos";

/** What every step that talks to the destination is given. */
export interface DestinationUse {
  destination: Destination;
  signal: AbortSignal;
  onProgress: OnProgress;
}

/** One session for the length of `work` (design law 7: connections live inside an activity). */
export async function withSession<T>(
  use: DestinationUse,
  work: (session: DestinationSession) => Promise<T>,
): Promise<T> {
  const session = await use.destination.open({ signal: use.signal, onProgress: use.onProgress });
  try {
    return await work(session);
  } finally {
    await session[Symbol.asyncDispose]();
  }
}
