/**
 * dbt's parsed project (`partial_parse.msgpack`), shared by all runs of a worker: a full parse costs 7 CPU seconds where
 * a cached one costs 0.3. Each attempt writes into its own target folder; what it wrote takes the place of the shared
 * file in one rename, so that two writers leave one whole file. Whether it still fits is dbt's to judge: it compares
 * project files, variables, profile and its own version, and parses anew what differs.
 */
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from "node:fs";
import { join } from "node:path";

const NAME = "partial_parse.msgpack";
/** Projects, targets and sets of variables that are kept. */
const KEPT = 12;

export class ParseCache {
  readonly #file: string;

  /** @param of everything that makes dbt parse in full when it changes */
  constructor(
    private readonly folder: string,
    of: unknown,
  ) {
    const key = createHash("sha256").update(JSON.stringify(of)).digest("hex").slice(0, 24);
    this.#file = join(folder, `${key}.msgpack`);
  }

  /** For a command that parses. */
  args(): string[] {
    return existsSync(this.#file) ? ["--partial-parse-file-path", this.#file] : [];
  }

  /** Takes over what a command has parsed; a command that found nothing to parse has written nothing. */
  keep(target: string): void {
    const fresh = join(target, NAME);
    try {
      if (existsSync(fresh)) {
        mkdirSync(this.folder, { recursive: true, mode: 0o700 });
        // Variables that a project reads while it is parsed stand in it.
        chmodSync(fresh, 0o600);
        renameSync(fresh, this.#file);
        this.#prune();
      } else if (existsSync(this.#file)) utimesSync(this.#file, new Date(), new Date());
    } catch {
      // Without the file the next command parses in full.
    }
  }

  #prune(): void {
    const files = readdirSync(this.folder)
      .filter(name => name.endsWith(".msgpack"))
      .map(name => ({ path: join(this.folder, name), at: statSync(join(this.folder, name)).mtimeMs }))
      .sort((a, b) => b.at - a.at);
    for (const { path } of files.slice(KEPT)) rmSync(path, { force: true });
  }
}
