/** dbt's JSON log (`--log-format json`), line by line: what to tell while it runs, and what it said when it broke. */
import { z } from "zod";
import type { NodesProgress, OnProgress } from "../pipeline/infos";

const line = z.object({
  info: z.object({ name: z.string(), level: z.string(), msg: z.string() }),
  data: z
    .object({
      index: z.number().optional(),
      total: z.number().optional(),
      node_count: z.number().optional(),
      msg: z.string().optional(),
      node_info: z
        .object({
          node_name: z.string().optional(),
          unique_id: z.string().optional(),
          node_status: z.string(),
        })
        .optional(),
    })
    .optional(),
});

/** The slowest nodes that are told, and the failed ones. */
const TOLD = 3;
const FAILED = /^(error|fail|runtime error|partial success)$/;

/** Our own macro `raw_table` says this; other warnings of macros may hold anything, rows included. */
const NOT_LOADED = /^Raw table \S+ is not loaded yet/;

export class DbtLog {
  /** What ended dbt before it ran nodes, in dbt's words: may hold values once it is connected. */
  fatal: string | undefined;
  /** Nodes were about to run: from here on the database speaks too, and it quotes values. Before, only dbt does. */
  connected = false;
  /** A Python traceback came with it: not dbt refusing the project, but something breaking. */
  crashed = false;
  readonly notLoaded = new Set<string>();
  /** Nodes at work, by unique id. */
  readonly #running = new Map<string, { name: string; since: number }>();
  readonly #nodes: NodesProgress = { done: 0, total: 0, failed: [], slowest: [] };

  constructor(
    private readonly phase: string,
    private readonly onProgress: OnProgress,
  ) {}

  /** Takes one line of standard output; lines that are not dbt's JSON are ignored (they are in the log file). */
  take(text: string): void {
    if (!text.startsWith("{")) return;
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return;
    }
    const parsed = line.safeParse(json);
    if (!parsed.success) return;
    const { info, data } = parsed.data;
    if (info.name === "MainEncounteredError") this.fatal = info.msg.replace(/^Encountered an error:\s*/, "");
    else if (info.name === "MainStackTrace") this.crashed = true;
    else if (info.name === "ConcurrencyLine") this.connected = true;
    else if (info.name === "JinjaLogWarning") this.#noteMissing(data?.msg ?? info.msg);
    const node = data?.node_info;
    if (node?.unique_id === undefined || data?.index === undefined) return;
    const name = node.node_name ?? node.unique_id;
    this.#nodes.total = Math.max(this.#nodes.total, data.total ?? 0);
    if (node.node_status === "started") {
      this.#running.set(node.unique_id, { name, since: performance.now() });
      this.#tell(name, "running");
      return;
    }
    const since = this.#running.get(node.unique_id)?.since;
    this.#running.delete(node.unique_id);
    if (!node.unique_id.startsWith("operation.")) {
      this.#nodes.done += 1;
      if (since !== undefined) this.#rank(name, (performance.now() - since) / 1000);
      if (FAILED.test(node.node_status) && this.#nodes.failed.length < TOLD) this.#nodes.failed.push(name);
    }
    this.#tell(name, node.node_status);
  }

  /** Says that dbt is alive while a long node says nothing. */
  tick(): void {
    const names = [...this.#running.values()].slice(0, TOLD).map(({ name }) => name);
    this.onProgress({
      step: "transform",
      phase: this.phase,
      message: `${this.#count()}${names.length > 0 ? `, at work: ${names.join(", ")}` : ""}`,
      ...this.#seen(),
    });
  }

  #tell(subject: string, status: string): void {
    this.onProgress({
      step: "transform",
      phase: this.phase,
      subject,
      message: `${this.#count()} ${status} ${subject}`,
      ...this.#seen(),
    });
  }

  #count(): string {
    return `${this.#nodes.done} of ${this.#nodes.total}`;
  }

  /** A copy: events outlive the moment. */
  #seen(): { nodes?: NodesProgress } {
    const { failed, slowest } = this.#nodes;
    return this.#nodes.total === 0
      ? {}
      : { nodes: { ...this.#nodes, failed: [...failed], slowest: [...slowest] } };
  }

  #rank(name: string, seconds: number): void {
    this.#nodes.slowest = [...this.#nodes.slowest, { name, seconds: Math.round(seconds * 10) / 10 }]
      .sort((a, b) => b.seconds - a.seconds)
      .slice(0, TOLD);
  }

  #noteMissing(text: string): void {
    const sentence = text.trim();
    if (NOT_LOADED.test(sentence)) this.notLoaded.add(sentence);
  }
}
