/**
 * One DuckDB file has one writer (design laws 6 and 7). Inside this process users of a file take fair turns; a
 * process outside holds DuckDB's own lock, and is waited for in database.ts.
 *
 * The turn matters for correctness, not only for order: DuckDB lets one process open a file twice, and closing
 * one instance then drops the lock of the other.
 */
import { mkdir, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { OnProgress } from "../../pipeline/infos";
import type { Step } from "../../pipeline/names";
import { sortError } from "./errors";

export const WAITING = "waiting for the file";
/** Milliseconds between progress events while waiting: who waits hears of it within two seconds. */
export const WAIT_PROGRESS_MS = 1_000;

export interface TurnOptions {
  signal: AbortSignal;
  onProgress: OnProgress;
  /** The step that waits, for progress; default "load". */
  step?: Step;
}

/** Waiters per file; the first one has the turn. */
const queues = new Map<string, (() => void)[]>();

/**
 * Runs `fn` while this process leaves the file to it, e.g. to a dbt process that opens the file itself. No session
 * may be open or be opened on this file by `fn`: it would wait for itself.
 * Other processes are not held off, they hold DuckDB's lock (see waitUntilFree).
 *
 * @throws the signal's reason when aborted while waiting; TidemarkError DESTINATION_DENIED for an unusable folder
 */
export async function withFileTurn<T>(path: string, options: TurnOptions, fn: () => Promise<T>): Promise<T> {
  const release = await takeTurn(await canonicalPath(path), options);
  try {
    return await fn();
  } finally {
    release();
  }
}

/** Waits for the turn on a canonical path and returns the function that ends it. */
export async function takeTurn(file: string, options: TurnOptions): Promise<() => void> {
  options.signal.throwIfAborted();
  const queue = queues.get(file) ?? [];
  queues.set(file, queue);
  const { promise, resolve: start } = deferred();
  queue.push(start);
  if (queue[0] === start) start();

  const leave = (): void => {
    const place = queue.indexOf(start);
    if (place < 0) return;
    queue.splice(place, 1);
    if (queue.length === 0) queues.delete(file);
    else if (place === 0) queue[0]?.();
  };
  const tell = (): void =>
    options.onProgress({
      step: options.step ?? "load",
      subject: basename(file),
      phase: WAITING,
      message: `another step of this worker uses the file; place ${queue.indexOf(start)} in the queue`,
    });
  const timer = setInterval(tell, WAIT_PROGRESS_MS);
  const { promise: aborted, reject: abort } = deferred();
  const onAbort = (): void => abort(options.signal.reason);
  options.signal.addEventListener("abort", onAbort, { once: true });
  try {
    if (queue[0] !== start) tell();
    await Promise.race([promise, aborted]);
    return leave;
  } catch (error) {
    leave();
    throw error;
  } finally {
    clearInterval(timer);
    options.signal.removeEventListener("abort", onAbort);
  }
}

/**
 * The one name of a database file: links resolved, missing folders created (as dlt does).
 * @throws TidemarkError DESTINATION_DENIED, DISK_FULL
 */
export async function canonicalPath(path: string): Promise<string> {
  const wanted = resolve(path);
  try {
    await createFolder(dirname(wanted));
    const folder = await realpath(dirname(wanted));
    return await realpath(join(folder, basename(wanted))).catch(() => join(folder, basename(wanted)));
  } catch (error) {
    throw sortError(error, { path: wanted, doing: "preparing its folder" });
  }
}

/** Not mkdir's `recursive`: under a folder such as /proc, which says ENOENT for ever, that one never returns. */
async function createFolder(path: string): Promise<void> {
  const create = (): Promise<void> =>
    mkdir(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  try {
    await create();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT" || dirname(path) === path) throw error;
    await createFolder(dirname(path));
    await create();
  }
}

function deferred(): { promise: Promise<void>; resolve: () => void; reject: (reason: unknown) => void } {
  let settle: { resolve: () => void; reject: (reason: unknown) => void } | undefined;
  const promise = new Promise<void>((resolvePromise, rejectPromise) => {
    settle = { resolve: resolvePromise, reject: rejectPromise };
  });
  // an abort after the race is over concerns nobody
  promise.catch(() => undefined);
  return { promise, ...(settle as { resolve: () => void; reject: (reason: unknown) => void }) };
}
