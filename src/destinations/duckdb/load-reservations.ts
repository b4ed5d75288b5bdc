/**
 * Which loads are under way into a file, told beside it, so that a run of another namespace, server or project waits
 * for them and can say for whom. A courtesy: what a reservation cannot prevent (a host that sleeps, a file system with a
 * lazy cache) the comparison of the package's base does.
 */

import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { LoadReservation, LoadReservations } from "../destination";
import { sortError } from "./errors";
import { canonicalPath } from "./file-turns";

/** A reservation that was not renewed for this long is void: its host is gone. */
const VOID_AFTER_MS = 30_000;

export function loadReservations(path: string): LoadReservations {
  const reservationFile = async ({ dataset, pipeline_name }: LoadReservation): Promise<string> => {
    const folder = `${await canonicalPath(path)}.reservations`;
    await mkdir(folder, { recursive: true });
    const name = createHash("sha256")
      .update(JSON.stringify([dataset, pipeline_name]))
      .digest("hex");
    return join(folder, `${name.slice(0, 24)}.json`);
  };
  const guarded = async <T>(reservation: LoadReservation, work: (file: string) => Promise<T>): Promise<T> => {
    try {
      return await work(await reservationFile(reservation));
    } catch (error) {
      throw sortError(error, {
        path,
        doing: "telling other hosts of the load (the folder .reservations beside the file)",
      });
    }
  };
  return {
    take: reservation =>
      guarded(reservation, async file => {
        const held = await read(file);
        if (held !== undefined && !isSameLoad(held, reservation) && (await isAlive(file))) return held;
        await write(file, reservation);
        return undefined;
      }),
    renew: reservation =>
      guarded(reservation, async file => {
        const held = await read(file);
        if (held === undefined) await write(file, reservation);
        else if (isSameLoad(held, reservation)) await touch(file);
      }),
    release: reservation =>
      guarded(reservation, async file => {
        const held = await read(file);
        if (held?.run_id === reservation.run_id) await rm(file, { force: true });
      }),
  };
}

/** The workflow's id is the same for all loads of a pipeline into a dataset: inside a namespace it is the lock. */
function isSameLoad(a: LoadReservation, b: LoadReservation): boolean {
  return a.namespace === b.namespace && a.workflow_id === b.workflow_id && a.server === b.server;
}

/** By the file system's clock on both sides, which several hosts share. */
async function isAlive(file: string): Promise<boolean> {
  const probe = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await writeFile(probe, "");
    const [now, reservation] = await Promise.all([stat(probe), stat(file)]);
    return now.mtimeMs - reservation.mtimeMs < VOID_AFTER_MS;
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

async function write(file: string, reservation: LoadReservation): Promise<void> {
  const whole = `${file}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    await writeFile(whole, JSON.stringify(reservation));
    await rename(whole, file);
  } finally {
    await rm(whole, { force: true });
  }
}

/** A reservation that cannot be read holds nobody up. */
async function read(file: string): Promise<LoadReservation | undefined> {
  try {
    const reservation = JSON.parse(await readFile(file, "utf8")) as LoadReservation;
    return typeof reservation?.workflow_id === "string" ? reservation : undefined;
  } catch {
    return undefined;
  }
}
