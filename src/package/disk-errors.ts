/** What the operating system says of a disk, sorted in one place. */
import { TidemarkError } from "../pipeline/errors";

const CODES = {
  full: ["ENOSPC", "EDQUOT", "EFBIG"],
  missing: ["ENOENT"],
  denied: ["EACCES", "EPERM", "EROFS", "ENOTDIR"],
  /** The device, or the server behind a mount, does not do its part; with a network file system it may come back. */
  failing: ["EIO", "ENXIO", "ENODEV", "ESTALE", "ENOTCONN", "EREMOTEIO", "ESHUTDOWN"],
  exhausted: ["EMFILE", "ENFILE"],
} as const;

export type DiskTrouble = keyof typeof CODES;

/** Undefined: no error of a disk. */
export function diskTrouble(error: unknown): DiskTrouble | undefined {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  if (typeof code !== "string") return undefined;
  return (Object.keys(CODES) as DiskTrouble[]).find(trouble =>
    (CODES[trouble] as readonly string[]).includes(code),
  );
}

/**
 * Translates an error of the file system. `doing` names files, never values.
 * @returns DISK_FULL, DISK_FAILED, PACKAGE_LOST, PACKAGE_DENIED, or the error itself when it is of another kind
 */
export function packageError(error: unknown, doing: string): unknown {
  const code = (error as NodeJS.ErrnoException | null)?.code;
  const cause = { cause: error };
  switch (diskTrouble(error)) {
    case "full":
      return new TidemarkError(
        "DISK_FULL",
        `The disk was full while ${doing} (${code}). Free space under the package root; the step is then repeated.`,
        cause,
      );
    case "missing":
      return new TidemarkError(
        "PACKAGE_LOST",
        `A file of the load package is missing: ${doing} failed. The worker that wrote it is gone, or the package root was cleaned.`,
        cause,
      );
    case "denied":
      return new TidemarkError(
        "PACKAGE_DENIED",
        `The package root cannot be used: ${doing} failed (${code}). Give the worker a folder that it may write.`,
        cause,
      );
    case "failing":
      return new TidemarkError(
        "DISK_FAILED",
        `The disk of the package root failed while ${doing} (${code}). Look at its mount and at the system's log; the step is repeated.`,
        cause,
      );
    case "exhausted":
      return new TidemarkError(
        "DISK_FAILED",
        `Too many files are open (${code}) while ${doing}. Raise the worker's limit (ulimit -n); the step is repeated.`,
        cause,
      );
    default:
      return error;
  }
}

/** Runs `work` and translates what the file system throws. */
export async function onDisk<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw packageError(error, doing);
  }
}
