/** One set-up at a time per thing: two terminals, or a test beside a demo, share the cache folder. */
import { randomUUID } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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

/** What stands in a lock: "<pid> <token>"; the token is never used twice. Undefined when there is none. */
function read(file) {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (error.code === "ENOENT") return undefined;
    // Of a version before.
    if (error.code === "EISDIR") return `${read(join(file, "pid")) ?? "0"} folder`;
    throw error;
  }
}

/** A file with its text or none, never an empty one: written beside, then linked. @returns whether it is ours */
function take(file, text) {
  const written = `${file}.${randomUUID()}`;
  writeFileSync(written, text);
  try {
    linkSync(written, file);
    return true;
  } catch (error) {
    if (error.code === "EEXIST") return false;
    throw error;
  } finally {
    rmSync(written, { force: true });
  }
}

function isLeft(text) {
  if (text === undefined) return false;
  const pid = Number(text.split(" ")[0]);
  return !(pid > 0 && isAlive(pid));
}

/**
 * Removes a lock that a dead process left. Of those who see it only one may, and only that very lock: another one may
 * have been removed and taken anew in the meantime.
 */
function removeLeft(lock, text) {
  const turn = `${lock}.${text.split(" ")[1]}.left`;
  const own = `${process.pid} ${randomUUID()}`;
  if (!take(turn, own)) {
    if (isLeft(read(turn))) rmSync(turn, { force: true });
    return;
  }
  try {
    if (read(lock) === text) rmSync(lock, { recursive: true, force: true });
  } finally {
    rmSync(turn, { force: true });
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
  const own = `${process.pid} ${randomUUID()}`;
  mkdirSync(dirname(target), { recursive: true });
  for (let told = false; !take(lock, own); ) {
    const found = read(lock);
    if (found === undefined) continue;
    if (isLeft(found)) {
      removeLeft(lock, found);
      continue;
    }
    if (!told) log(`Waiting for another set-up (process ${found.split(" ")[0]}) to finish ${target}`);
    told = true;
    await sleep(LOOK_AGAIN_MS);
  }
  try {
    return await work();
  } finally {
    if (read(lock) === own) rmSync(lock, { force: true });
  }
}
