/**
 * Live progress: one line that rewrites itself on a terminal, plain lines at each change when piped. What holds a run
 * up is said in every form, also where only errors are wanted: a run that waits in silence looks like one that hangs.
 */
import type { WriteStream } from "node:tty";
import type { Snapshot, StartedRun } from "../client";
import { ToldWaits } from "./told-waits";

const CLEAR_LINE = "\r\u001b[2K";

export class LiveProgress {
  readonly #live: boolean;
  readonly #quiet: boolean;
  readonly #seen = new Map<string, { rows: number; at: number; rate: number }>();
  readonly #said = new Set<string>();
  readonly #waits = new ToldWaits();
  #shown = false;

  constructor(
    private readonly out: NodeJS.WritableStream & Partial<Pick<WriteStream, "isTTY" | "columns">>,
    options: { quiet?: boolean } = {},
  ) {
    this.#live = out.isTTY === true;
    this.#quiet = options.quiet === true;
  }

  started(run: StartedRun, uiUrl: string | undefined): void {
    const id = run.handle.workflowId;
    const where = uiUrl
      ? `  ${uiUrl}/namespaces/default/workflows/${encodeURIComponent(id)}/${run.runId}`
      : "";
    this.line(`${run.attached ? `${id} is running already: following that run.` : `${id} started.`}${where}`);
  }

  show(snapshot: Snapshot): void {
    if (snapshot.stuck !== undefined) this.wait(`waiting for ${snapshot.stuck}`);
    if (snapshot.run === undefined) return;
    for (const wait of waitsOf(snapshot)) this.wait(wait);
    if (this.#quiet) return;
    for (const { step, status, seconds } of snapshot.run.steps) {
      if (status !== "running")
        this.once(`${step}: ${status}${seconds === undefined ? "" : ` in ${seconds.toFixed(1)} s`}`);
    }
    for (const resource of snapshot.load?.resources ?? []) {
      if (resource.status === "extracted")
        this.once(`  extracted ${resource.resource}: ${count(resource.rows ?? 0)} rows`);
    }
    for (const note of [...snapshot.run.notes, ...(snapshot.load?.notes ?? [])]) this.once(`  note: ${note}`);
    for (const beat of snapshot.heartbeats) {
      if (beat.attempt > 1)
        this.once(
          `  ${beat.activity}: attempt ${beat.attempt}${beat.last_failure ? `, because: ${beat.last_failure}` : ""}`,
        );
    }
    for (const { nodes } of snapshot.heartbeats) {
      for (const name of nodes?.failed ?? []) this.once(`  dbt: ${name} failed`);
    }
    const now = this.describe(snapshot);
    if (this.#live) {
      this.out.write(CLEAR_LINE + now.slice(0, (this.out.columns ?? 100) - 1));
      this.#shown = true;
    }
  }

  private describe(snapshot: Snapshot): string {
    const run = snapshot.run!;
    if (run.waiting_for) return `waiting for ${run.waiting_for}`;
    const parts = snapshot.heartbeats.map(beat => {
      if (beat.nodes !== undefined) return nodesText(beat.nodes, beat.subject);
      const key = `${beat.step} ${beat.subject ?? ""}`.trim();
      const rows = beat.rows === undefined ? "" : ` ${count(beat.rows)} rows${this.rate(key, beat.rows)}`;
      return `${key}${rows}${beat.phase ? ` (${isWait(beat) ? `${beat.phase}: ${beat.message}` : beat.phase})` : ""}`;
    });
    const step = snapshot.load ? `${run.step}: ${snapshot.load.step}` : run.step;
    return `${step}${parts.length > 0 ? ` | ${parts.join(" | ")}` : ""}`;
  }

  private rate(key: string, rows: number): string {
    const at = Date.now();
    const seen = this.#seen.get(key);
    const rate =
      seen !== undefined && at > seen.at && rows > seen.rows
        ? ((rows - seen.rows) * 1000) / (at - seen.at)
        : seen?.rate;
    if (seen === undefined || rows !== seen.rows) this.#seen.set(key, { rows, at, rate: rate ?? 0 });
    return rate ? `, ${count(Math.round(rate))}/s` : "";
  }

  private once(text: string): void {
    if (this.#said.has(text)) return;
    this.#said.add(text);
    this.line(text);
  }

  private wait(text: string): void {
    if (!this.#waits.isDue(text)) return;
    this.clear();
    this.out.write(`${text}\n`);
  }

  line(text: string): void {
    if (this.#quiet) return;
    this.clear();
    this.out.write(`${text}\n`);
  }

  clear(): void {
    if (this.#shown) this.out.write(CLEAR_LINE);
    this.#shown = false;
  }
}

function nodesText({ done, total, failed, slowest }: NonNullable<Beat["nodes"]>, subject?: string): string {
  const slow = slowest.map(({ name, seconds }) => `${name} ${seconds.toFixed(1)} s`).join(", ");
  return [
    `${done} of ${total} nodes${subject === undefined ? "" : `, ${subject}`}`,
    ...(failed.length > 0 ? [`failed: ${failed.join(", ")}`] : []),
    ...(slow ? [`slowest: ${slow}`] : []),
  ].join("; ");
}

type Beat = Snapshot["heartbeats"][number];

/** Who or what the run waits for, in whole sentences: somebody else has to act for it to go on. */
function waitsOf({ run, heartbeats }: Snapshot): string[] {
  const waits = heartbeats.filter(isWait).map(beat => {
    const attempt = beat.attempts ? `; attempt ${beat.attempt} of ${beat.attempts}` : "";
    return `  ${beat.phase} ${beat.subject ?? ""}: ${beat.message}${attempt}`;
  });
  return run?.waiting_for ? [`waiting for ${run.waiting_for}`, ...waits] : waits;
}

function isWait(beat: Beat): boolean {
  return beat.phase?.startsWith("waiting") === true && beat.message !== undefined;
}

export function count(rows: number): string {
  return rows.toLocaleString("en-US");
}
