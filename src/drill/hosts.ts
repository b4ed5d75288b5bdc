/** A host of a drill: one worker process with a home and a package root of its own, started, stopped and killed. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { Moment } from "./faults";

export interface HostCommand {
  file: string;
  args: string[];
  cwd: string;
  env: NodeJS.ProcessEnv;
}

/** To a host: strike when this moment comes. `self` is a signal that it sends to itself, at once and exactly there. */
export interface ArmMessage {
  arm: { id: number; at: Exclude<Moment, { after_ms: number }>; self?: NodeJS.Signals };
}
export interface DisarmMessage {
  /** An id, or everything. */
  disarm: number | "all";
}
/** From a host. */
export type HostMessage =
  | { ready: true }
  | { working: true }
  | { hit: number; event: { step: string; phase?: string } };

const START_TIMEOUT_MS = 180_000;
const STOP_TIMEOUT_MS = 30_000;

export class DrillHost {
  #child: ChildProcess | undefined;
  #stopped = false;
  #said = "";
  #retired = false;
  /** Processes that were ended from here. */
  readonly #struck = new WeakSet<ChildProcess>();
  #armed: ArmMessage[] = [];
  /** When it last showed progress of a step, in milliseconds since 1970. */
  lastSign = 0;
  onHit: ((id: number, host: DrillHost) => void) | undefined;

  constructor(
    readonly name: string,
    readonly command: HostCommand,
  ) {}

  get pid(): number | undefined {
    return this.isUp ? this.#child?.pid : undefined;
  }

  get isUp(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  get isStopped(): boolean {
    return this.isUp && this.#stopped;
  }

  /** What the process wrote to standard error last, for a failed start. */
  get said(): string {
    return this.#said;
  }

  /** Starts the process and waits until its worker polls. Where the server is away that takes as long as it is. */
  async start(): Promise<void> {
    if (this.isUp || this.#retired) return;
    const { file, args, cwd, env } = this.command;
    const child = spawn(file, args, { cwd, env, stdio: ["ignore", "ignore", "pipe", "ipc"] });
    this.#child = child;
    this.#stopped = false;
    this.#said = "";
    child.stderr!.on("data", chunk => {
      this.#said = (this.#said + chunk).slice(-20_000);
    });
    // A killed process takes its pipes with it; that is no error of ours.
    child.on("error", () => {});
    const ready = new Promise<boolean>(resolve => {
      child.on("message", message => {
        const from = message as HostMessage;
        if ("ready" in from) {
          for (const message of this.#armed) this.#send(message);
          resolve(true);
        } else if ("working" in from) this.lastSign = Date.now();
        else this.onHit?.(from.hit, this);
      });
      child.once("exit", () => resolve(false));
    });
    const timeout = delay(START_TIMEOUT_MS, false, { ref: false });
    // Another fault may strike while it starts; that is no failed start.
    if (!(await Promise.race([ready, timeout])) && !this.#struck.has(child)) {
      throw new Error(
        `host ${this.name} did not start: ${this.#said.trim().slice(-2_000) || "no word from it"}`,
      );
    }
  }

  /** Holds for the processes of later starts too, until it is disarmed. */
  arm(message: ArmMessage): void {
    this.#armed.push(message);
    this.#send(message);
  }

  disarm(what: number | "all"): void {
    this.#armed = what === "all" ? [] : this.#armed.filter(({ arm }) => arm.id !== what);
    this.#send({ disarm: what });
  }

  /** To the process as it runs now, e.g. for a preloaded module. */
  tell(message: object): void {
    this.#send(message);
  }

  #send(message: object): void {
    if (this.isUp && this.#child!.connected) this.#child!.send(message, () => {});
  }

  /** SIGKILL, and the wait for its end. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** The drill is over: SIGKILL, and no start brings it back. */
  async retire(): Promise<void> {
    this.#retired = true;
    await this.#end("SIGKILL");
  }

  /** SIGTERM as a platform does it: then SIGKILL when it takes too long. */
  async stop(): Promise<void> {
    this.resume();
    await this.#end("SIGTERM");
  }

  /**
   * Nothing where the process stops itself: a signal of ours that came before its own would make it stop once more when it
   * goes on, and then for good.
   */
  pause(): void {
    if (!this.isUp || this.#stopped) return;
    this.#stopped = true;
    this.#child!.kill("SIGSTOP");
  }

  resume(): void {
    if (!this.isStopped) return;
    this.#stopped = false;
    this.#child!.kill("SIGCONT");
  }

  /** The process sent itself SIGSTOP. */
  stoppedItself(): void {
    this.#stopped = this.isUp;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child === undefined || !this.isUp) return;
    this.#struck.add(child);
    const exited = once(child, "exit");
    child.kill(signal);
    const late = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    await exited;
    clearTimeout(late);
    this.#stopped = false;
  }
}
