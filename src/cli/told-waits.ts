/** Who or what is waited for, on stderr: a command that waits in silence looks like one that hangs. */
import type { OnProgress } from "../pipeline/infos";

/** A wait that goes on is told again. */
const TELL_AGAIN_MS = 60_000;

/** Lines that were told, each of which may be told again after a minute. */
export class ToldWaits {
  readonly #told = new Map<string, number>();

  isDue(text: string): boolean {
    const now = Date.now();
    if (now - (this.#told.get(text) ?? Number.NEGATIVE_INFINITY) < TELL_AGAIN_MS) return false;
    this.#told.set(text, now);
    return true;
  }
}

/** For commands that open a destination themselves, beside a run. */
export function tellWaits(out: Pick<NodeJS.WritableStream, "write"> = process.stderr): OnProgress {
  const waits = new ToldWaits();
  return ({ phase, subject, message }) => {
    if (message === undefined) return;
    const text = phase?.startsWith("waiting") ? `${phase} ${subject ?? ""}: ${message}` : message;
    if (waits.isDue(text)) out.write(`${text}\n`);
  };
}
