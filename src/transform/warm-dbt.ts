/**
 * One dbt per project and target that stays in memory between commands (warm_dbt.py): importing dbt costs 2.7 CPU
 * seconds, a command on a parsed project tenths. A process serves one command at a time; a second command at the same
 * time gets a process of its own. One that was interrupted, fell silent, died or grew is not used again.
 */
import { randomUUID } from "node:crypto";
import { closeSync, openSync, readSync } from "node:fs";
import { basename, isAbsolute, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { type GroupProcess, recordGroup, startGroup } from "../processes/process-group";
import { needsPython } from "./candidate";
import { DbtLog } from "./dbt-log";
import { DbtOutput, Lines } from "./dbt-output";
import {
  type DbtExit,
  type DbtProcessOptions,
  type DbtRunner,
  dbtMissing,
  runDbtProcess,
  TICK_MS,
} from "./dbt-process";

export interface WarmLimits {
  /** Without a command for this long, a process is ended. */
  idleMs: number;
  /** A process says every second that it lives; one that does not for this long hangs. */
  silentMs: number;
  /** Resident bytes after a command beyond which a process is not used again. */
  memoryBytes: number;
}

/** A project of 55 nodes comes to 200 MB, and stays there. */
export const WARM_LIMITS: WarmLimits = { idleMs: 5 * 60_000, silentMs: 120_000, memoryBytes: 2 * 1024 ** 3 };

/** Processes that wait for a command; beyond, the one that waited longest is ended. */
const MOST_IDLE = 4;
const SCRIPT = join(__dirname, "warm_dbt.py");
/** What a Python needs to start; a command brings the rest along and leaves nothing behind. */
const BARE = /^(PATH|HOME|LANG|LC_\w+|TMPDIR|TZ|PYTHON\w+|VIRTUAL_ENV|LD_LIBRARY_PATH|SYSTEMROOT)$/;

const processes = new Set<WarmDbt>();

/** Runs a command on a warm dbt where the program is a Python's, else as a process of its own. */
export function warmRunner(adapter: string, limits: WarmLimits = WARM_LIMITS): DbtRunner {
  return async options => {
    const python = pythonOf(options.executable);
    if (python === undefined) {
      if (options.candidate === undefined) return await runDbtProcess(options);
      throw needsPython(options.executable);
    }
    options.signal.throwIfAborted();
    const key = JSON.stringify([python, options.cwd, optionOf(options.args, "--target"), adapter]);
    const free = [...processes].find(one => one.key === key && one.free);
    return await (free ?? startWarm(key, python, adapter, options)).run(options, limits);
  };
}

/** Starts a process ahead of its first command; that something is missing is said by the command. */
export function warmUp(
  adapter: string,
  options: Pick<DbtProcessOptions, "executable" | "cwd" | "env"> & { target: string },
): void {
  const python = pythonOf(options.executable);
  if (python === undefined) return;
  const key = JSON.stringify([python, options.cwd, options.target || undefined, adapter]);
  if (![...processes].some(one => one.key === key)) startWarm(key, python, adapter, options);
}

/** Ends all of them, for a worker that stops. */
export async function closeWarmDbt(): Promise<void> {
  await Promise.all([...processes].map(one => one.end()));
}

/** The Python that runs this dbt; undefined for a dbt that is no Python program. */
export function pythonOf(executable: string): string | undefined {
  if (/^python[0-9.]*(\.exe)?$/.test(basename(executable))) return executable;
  if (!isAbsolute(executable)) return undefined;
  const head = Buffer.alloc(512);
  try {
    const file = openSync(executable, "r");
    try {
      readSync(file, head);
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
  const [, interpreter] = /^#!\s*(\S+)[ \t]*\r?\n/.exec(head.toString("latin1")) ?? [];
  return interpreter !== undefined && /^python[0-9.]*$/.test(basename(interpreter)) ? interpreter : undefined;
}

function startWarm(
  key: string,
  python: string,
  adapter: string,
  at: Pick<DbtProcessOptions, "cwd" | "env" | "executable">,
): WarmDbt {
  const env = Object.fromEntries(Object.entries(at.env).filter(([name]) => BARE.test(name)));
  const group = startGroup(python, ["-u", SCRIPT, adapter], {
    cwd: at.cwd,
    env,
    fds: ["pipe", "pipe", "pipe", "pipe"],
  });
  const idle = [...processes].filter(one => one.free);
  for (const one of idle.slice(0, Math.max(0, idle.length - MOST_IDLE + 1))) void one.end();
  const started = new WarmDbt(key, at.executable, group);
  processes.add(started);
  return started;
}

interface Answer {
  code: number;
  said: string;
  rss: number;
  listed?: string[] | null;
  schema?: string;
}

class WarmDbt {
  #busy = false;
  #ended = false;
  #idle: NodeJS.Timeout | undefined;
  /** Milliseconds since the last sign of life, as this process counts them: a laptop that slept is no silence. */
  #silentMs = 0;
  #onAnswer: ((answer: Answer) => void) | undefined;
  /** Settles when the process has ended; undefined when it could not be started. */
  readonly #exit: Promise<Pick<DbtExit, "code" | "signal"> | undefined>;

  constructor(
    readonly key: string,
    private readonly executable: string,
    private readonly group: Promise<GroupProcess>,
  ) {
    this.#exit = group.then(
      ({ child }) => new Promise(resolve => child.once("close", (code, signal) => resolve({ code, signal }))),
      () => undefined,
    );
    void this.#exit.then(() => {
      this.#ended = true;
      processes.delete(this);
      clearTimeout(this.#idle);
    });
    void group.then(
      ({ child }) => {
        const answers = new Lines(line => this.#heard(line));
        (child.stdio[3] as Readable).on("data", (chunk: Buffer) => answers.take(chunk.toString("latin1")));
        // A process that is gone is told by its end.
        for (const stream of child.stdio) stream?.on("error", () => {});
        if (!this.#busy) this.#rest(WARM_LIMITS.idleMs);
      },
      () => {},
    );
  }

  get free(): boolean {
    return !this.#busy && !this.#ended;
  }

  async run(options: DbtProcessOptions, limits: WarmLimits): Promise<DbtExit> {
    this.#busy = true;
    clearTimeout(this.#idle);
    const group = await this.group.catch(error => {
      throw dbtMissing(this.executable, (error as NodeJS.ErrnoException).code ?? "not started");
    });
    const { child } = group;
    hold(child, true);
    const forget = recordGroup(options.recordPath, child.pid!);
    const log = new DbtLog(options.phase, options.onProgress);
    const mark = `end of ${randomUUID()}`;
    let marked: () => void = () => {};
    const printed = new Promise<void>(resolve => {
      marked = resolve;
    });
    const output = new DbtOutput(options.outputPath, child.stdout!, child.stderr!, line =>
      line === mark ? marked() : log.take(line),
    );
    const answered = new Promise<Answer>(resolve => {
      this.#onAnswer = resolve;
    });
    let silentSeconds: number | undefined;
    this.#silentMs = 0;
    const ticker = setInterval(() => log.tick(), TICK_MS);
    const step = Math.min(1_000, limits.silentMs / 4);
    const watch = setInterval(() => {
      this.#silentMs += step;
      if (this.#silentMs < limits.silentMs) return;
      silentSeconds = limits.silentMs / 1000;
      group.kill("SIGKILL");
    }, step);
    let killer: NodeJS.Timeout | undefined;
    const stop = () => {
      group.kill("SIGINT");
      killer = setTimeout(() => group.kill("SIGKILL"), options.graceMs);
    };
    options.signal.addEventListener("abort", stop, { once: true });
    if (options.signal.aborted) stop();
    const { args, env, candidate } = options;
    const command = { args, env, mark, ...(candidate === undefined ? {} : { candidate }) };
    (child.stdin as Writable).write(`${JSON.stringify(command)}\n`);
    let ended: Answer | Pick<DbtExit, "code" | "signal"> | undefined;
    try {
      ended = await Promise.race([Promise.all([answered, printed]).then(([answer]) => answer), this.#exit]);
    } finally {
      this.#onAnswer = undefined;
      for (const timer of [ticker, watch]) clearInterval(timer);
      clearTimeout(killer);
      options.signal.removeEventListener("abort", stop);
      await output.end();
      // Whoever was interrupted is in a state that nobody knows.
      if (options.signal.aborted) await this.end();
      forget();
    }
    options.signal.throwIfAborted();
    output.throwIfNotWritten();
    if (ended === undefined || "signal" in ended) {
      const { code = null, signal = null } = ended ?? {};
      return {
        code,
        signal,
        log,
        stderr: output.stderr,
        ...(silentSeconds === undefined ? {} : { silentSeconds }),
      };
    }
    this.#after(ended.rss, limits);
    const { code, said, listed, schema } = ended;
    const more = { ...(listed ? { listed } : {}), ...(schema === undefined ? {} : { schema }) };
    return { code, signal: null, log, stderr: `${output.stderr}${said}`, ...more };
  }

  /** Ends the process: by asking, which an idle one obeys at once, then by force. */
  async end(): Promise<void> {
    const group = await this.group.catch(() => undefined);
    if (group === undefined) return;
    this.#busy = true;
    group.child.stdin?.end();
    const killer = setTimeout(() => group.kill("SIGKILL"), this.#onAnswer === undefined ? 1_000 : 0);
    await this.#exit;
    clearTimeout(killer);
    // What dbt had started goes with it.
    group.kill("SIGKILL");
  }

  #heard(line: string): void {
    this.#silentMs = 0;
    const { done } = JSON.parse(line) as { done?: Answer };
    if (done !== undefined) this.#onAnswer?.(done);
  }

  #after(rss: number, limits: WarmLimits): void {
    this.#busy = false;
    if (rss > limits.memoryBytes) void this.end();
    else this.#rest(limits.idleMs);
  }

  #rest(idleMs: number): void {
    this.#idle = setTimeout(() => void this.end(), idleMs);
    this.#idle.unref();
    // Waiting for work keeps nobody from ending: the process then hears that its starter is gone.
    void this.group.then(({ child }) => hold(child, false));
  }
}

function hold(child: GroupProcess["child"], whether: boolean): void {
  const parts = [child, ...child.stdio] as unknown as ({ ref?(): void; unref?(): void } | null)[];
  for (const part of parts) (whether ? part?.ref : part?.unref)?.call(part);
}

function optionOf(args: readonly string[], name: string): string | undefined {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args[at + 1];
}
