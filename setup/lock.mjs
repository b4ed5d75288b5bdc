/** One set-up at a time per thing: two terminals, or a test beside a demo, share the cache folder. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const LOOK_AGAIN_MS = 500;

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}

/** @returns pid of the living holder, or undefined when the lock was left behind by a process that is gone */
function holderOf(lock) {
  try {
    const pid = Number(readFileSync(join(lock, "pid"), "utf8"));
    return isAlive(pid) ? pid : undefined;
  } catch {
    return undefined;
  }
}

/**
 * @template T
 * @param {string} target folder that is about to be made
 * @param {(line: string) => void} log
 * @param {() => Promise<T>} work called while the lock is held
 * @returns {Promise<T>}
 */
export async function withLock(target, log, work) {
  const lock = `${target}.lock`;
  mkdirSync(dirname(target), { recursive: true });
  let told = false;
  for (;;) {
    try {
      mkdirSync(lock);
      writeFileSync(join(lock, "pid"), String(process.pid));
      break;
    } catch (error) {
      if (error.code !== "EEXIST") throw error;
    }
    const holder = holderOf(lock);
    if (holder === undefined) {
      // made a moment ago and its pid not yet written, or left behind: look once more before it is taken over
      await sleep(LOOK_AGAIN_MS);
      if (holderOf(lock) === undefined) rmSync(lock, { recursive: true, force: true });
      continue;
    }
    if (!told) log(`Waiting for another set-up (process ${holder}) to finish ${target}`);
    told = true;
    await sleep(LOOK_AGAIN_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}
