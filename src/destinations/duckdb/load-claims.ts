/**
 * Which loads are under way into a file, told beside it, so that a run of another namespace, server or project waits
 * for them and can say for whom. A courtesy: what a claim cannot prevent (a host that sleeps, a file system with a
 * lazy cache) the comparison of the package's base does.
 */

import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LoadClaim, LoadClaims } from "../destination";
import { sortError } from "./errors";
import { canonicalPath } from "./file-turns";

/** A claim that was not renewed for this long is void: its host is gone. */
const VOID_AFTER_MS = 30_000;

export function loadClaims(path: string): LoadClaims {
  const claimFile = async ({ dataset, pipeline_name }: LoadClaim): Promise<string> => {
    const folder = `${await canonicalPath(path)}.claims`;
    await mkdir(folder, { recursive: true });
    const name = createHash("sha256")
      .update(JSON.stringify([dataset, pipeline_name]))
      .digest("hex");
    return join(folder, `${name.slice(0, 24)}.json`);
  };
  const guarded = async <T>(claim: LoadClaim, work: (file: string) => Promise<T>): Promise<T> => {
    try {
      return await work(await claimFile(claim));
    } catch (error) {
      throw sortError(error, {
        path,
        doing: "telling other hosts of the load (the folder .claims beside the file)",
      });
    }
  };
  return {
    take: claim =>
      guarded(claim, async file => {
        const held = await read(file);
        if (held !== undefined && !isSameLoad(held, claim) && (await isAlive(file))) return held;
        await write(file, claim);
        return undefined;
      }),
    renew: claim =>
      guarded(claim, async file => {
        const held = await read(file);
        if (held === undefined) await write(file, claim);
        else if (isSameLoad(held, claim)) await touch(file);
      }),
    release: claim =>
      guarded(claim, async file => {
        const held = await read(file);
        if (held?.run_id === claim.run_id) await rm(file, { force: true });
      }),
  };
}

/** The workflow's id is the same for all loads of a pipeline into a dataset: inside a namespace it is the lock. */
function isSameLoad(a: LoadClaim, b: LoadClaim): boolean {
  return a.namespace === b.namespace && a.workflow_id === b.workflow_id && a.server === b.server;
}

/** By the file system's clock on both sides, which several hosts share. */
async function isAlive(file: string): Promise<boolean> {
  const probe = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await writeFile(probe, "");
    const [now, claim] = await Promise.all([stat(probe), stat(file)]);
    return now.mtimeMs - claim.mtimeMs < VOID_AFTER_MS;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  } finally {
    await rm(probe, { force: true });
  }
}

/** The file system says when: a host's own clock may be off. */
async function touch(file: string): Promise<void> {
  const probe = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await writeFile(probe, "");
    const { mtime } = await stat(probe);
    await utimes(file, mtime, mtime).catch(() => undefined);
  } finally {
    await rm(probe, { force: true });
  }
}

async function write(file: string, claim: LoadClaim): Promise<void> {
  const whole = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await writeFile(whole, JSON.stringify(claim));
    await rename(whole, file);
  } finally {
    await rm(whole, { force: true });
  }
}

/** A claim that cannot be read holds nobody up. */
async function read(file: string): Promise<LoadClaim | undefined> {
  try {
    const claim = JSON.parse(await readFile(file, "utf8")) as LoadClaim;
    return typeof claim?.workflow_id === "string" ? claim : undefined;
  } catch {
    return undefined;
  }
}
