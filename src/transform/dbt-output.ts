/** What a dbt prints: line by line to its reader, all of it to a file, within bounds however much it is. */
import { createWriteStream, type WriteStream } from "node:fs";
import type { Readable } from "node:stream";
import { finished } from "node:stream/promises";

/** A line of dbt's log is some hundred characters, with a whole statement in it some ten thousand. */
const LONGEST_LINE = 1024 * 1024;
/** A project of a thousand nodes prints about 2 MB. */
const LARGEST_FILE = 64 * 1024 * 1024;
const STDERR_KEPT = 8_192;

export class DbtOutput {
  /** The last of standard error, at most 8 KB. */
  stderr = "";
  readonly #file: WriteStream;
  #written = 0;
  #notWritten: Error | undefined;
  #leave: () => void;

  constructor(
    path: string,
    private readonly stdout: Readable,
    stderr: Readable,
    take: (line: string) => void,
  ) {
    this.#file = createWriteStream(path, { flags: "a", mode: 0o600 });
    // An error without a listener ends the whole worker: on a full disk the step fails instead, when dbt has ended.
    this.#file.on("error", error => {
      this.#notWritten ??= error;
      stdout.resume();
    });
    const lines = new Lines(line => {
      this.#write(`${line}\n`);
      take(line);
    });
    const onOut = (chunk: Buffer) => lines.take(chunk.toString("latin1"));
    const onError = (chunk: Buffer) => {
      this.#write(chunk);
      this.stderr = (this.stderr + chunk.toString("utf8")).slice(-STDERR_KEPT);
    };
    stdout.on("data", onOut);
    stderr.on("data", onError);
    this.#leave = () => {
      stdout.off("data", onOut);
      stderr.off("data", onError);
    };
  }

  /** Stops reading and waits for the file. */
  async end(): Promise<void> {
    this.#leave();
    this.#file.end();
    await finished(this.#file).catch(() => {});
  }

  /** @throws what the disk said */
  throwIfNotWritten(): void {
    if (this.#notWritten !== undefined) throw this.#notWritten;
  }

  #write(text: string | Buffer): void {
    if (this.#notWritten !== undefined || this.#written > LARGEST_FILE) return;
    this.#written += text.length;
    if (this.#written > LARGEST_FILE) {
      this.#file.write(`(more than ${LARGEST_FILE / 1024 / 1024} MB: the rest is left out)\n`);
      return;
    }
    if (this.#file.write(text)) return;
    // dbt waits for the disk as it would without us.
    this.stdout.pause();
    this.#file.once("drain", () => this.stdout.resume());
  }
}

/** Cuts text into lines; of a line without end only the beginning is kept. */
export class Lines {
  #rest = "";

  constructor(private readonly take_: (line: string) => void) {}

  /** @param chunk bytes as latin1, so that no character is cut in two */
  take(chunk: string): void {
    let from = 0;
    for (let at = chunk.indexOf("\n"); at >= 0; at = chunk.indexOf("\n", from)) {
      const line = this.#keep(chunk.slice(from, at));
      this.#rest = "";
      from = at + 1;
      this.take_(Buffer.from(line, "latin1").toString("utf8"));
    }
    this.#rest = this.#keep(chunk.slice(from));
  }

  #keep(more: string): string {
    const room = LONGEST_LINE - this.#rest.length;
    return room <= 0 ? this.#rest : this.#rest + more.slice(0, room);
  }
}
