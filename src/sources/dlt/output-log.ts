/** What the project's code prints: into a file, with secrets masked, and never more than a fixed amount. */
import { appendFileSync } from "node:fs";
import { redact } from "../../pipeline/redact";

const MOST_BYTES = 4 * 1024 * 1024;
/** A line without end is cut into pieces of this many characters. */
const LONGEST_LINE = 64 * 1024;
const TAIL = 8 * 1024;

export class OutputLog {
  #rest = "";
  #written = 0;
  #tail = "";

  constructor(
    private readonly path: string,
    private readonly secrets: readonly string[],
  ) {}

  take(chunk: Buffer): void {
    const text = this.#rest + chunk.toString("utf8");
    const end = text.lastIndexOf("\n") + 1;
    const whole = end === 0 && text.length > LONGEST_LINE ? text.length : end;
    this.#rest = text.slice(whole);
    if (whole > 0) this.#write(text.slice(0, whole));
  }

  finish(): void {
    if (this.#rest !== "") this.#write(`${this.#rest}\n`);
    this.#rest = "";
  }

  /** The last of it, masked: for the worker's log. */
  get tail(): string {
    return this.#tail;
  }

  #write(text: string): void {
    const masked = redact(text, this.secrets);
    this.#tail = (this.#tail + masked).slice(-TAIL);
    if (this.#written >= MOST_BYTES) return;
    const bytes = Buffer.from(masked).subarray(0, MOST_BYTES - this.#written);
    this.#written += bytes.length;
    const full = this.#written >= MOST_BYTES ? "\n… and more, which is not kept\n" : "";
    // A full disk must not end the worker; the extraction itself will meet it.
    try {
      appendFileSync(this.path, full === "" ? bytes : `${bytes.toString("utf8")}${full}`);
    } catch {}
  }
}
