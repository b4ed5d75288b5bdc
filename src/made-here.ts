/**
 * A text that is drawn once and kept in a small file, by which a place on a disk is known: all who see that file read the
 * same text. A copy of the folder brings the file along, and then two places would go by one text. So the file also says
 * where it was made: by its inode, which a copy does not keep, and by host and folder, which tell a copy from a file that
 * was put back or that lies on a disk without lasting inodes.
 */
import { createHash, randomBytes } from "node:crypto";
import { link, open, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";

/** Where a file was made, for people and for comparison. */
interface Origin {
  inode: string;
  host: string;
  folder: string;
}

/** The file was a copy: `text` is new. */
export interface Renewed {
  was: string;
  text: string;
  /** "folder X on host Y": where the original was made. */
  from: string;
}

/**
 * The text of a file that is made when it is missing. Of several that make it at once the first counts.
 * @param draw a new text, one line
 * @param renewed told when the file is a copy, which then gets a text of its own; absent: a copy is read as it is
 * @throws what the file system says
 */
export async function keptText(
  path: string,
  draw: () => string,
  renewed?: (what: Renewed) => void,
): Promise<string> {
  const found = (await readIfAny(path)) ?? (await make(path, draw, path));
  const { text, origin } = parse(found);
  if (renewed === undefined) return text;
  // A file of an earlier version says nothing: from here on it does.
  if (origin === undefined) return parse(await replace(path, found, () => text)).text;
  if (!(await isCopy(path, origin))) return text;
  const own = parse(await replace(path, found, draw)).text;
  renewed({ was: text, text: own, from: `folder ${origin.folder} on host ${origin.host}` });
  return own;
}

/** Who sees another text than the one that was read comes too late, and takes that. */
async function replace(path: string, was: string, draw: () => string): Promise<string> {
  const mark = createHash("sha256").update(was).digest("hex").slice(0, 8);
  const next = `${path}.${mark}.next`;
  await make(next, draw, path);
  if ((await readFile(path, "utf8")) === was) await rename(next, path).catch(ignoring("ENOENT"));
  else await rm(next, { force: true });
  return await readFile(path, "utf8");
}

/** @param path made unless it is there; @param place the name that the file will have */
async function make(path: string, draw: () => string, place: string): Promise<string> {
  const whole = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  try {
    const file = await open(whole, "wx");
    try {
      const { ino } = await file.stat({ bigint: true });
      const origin = JSON.stringify(await originOf(place, String(ino)));
      await file.writeFile(`${draw()}\n${origin}\n`);
    } finally {
      await file.close();
    }
    // link() fails when the name is taken, which rename() does not.
    await link(whole, path).catch(ignoring("EEXIST"));
  } finally {
    await rm(whole, { force: true });
  }
  return await readFile(path, "utf8");
}

async function originOf(path: string, inode: string): Promise<Origin> {
  return { inode, host: hostname(), folder: await realpath(dirname(path)) };
}

async function isCopy(path: string, made: Origin): Promise<boolean> {
  const { ino } = await stat(path, { bigint: true });
  const here = await originOf(path, String(ino));
  if (here.inode === made.inode) return false;
  return here.host !== made.host || here.folder !== made.folder;
}

function parse(content: string): { text: string; origin?: Origin } {
  const [text = "", second = ""] = content.split("\n");
  try {
    const origin = JSON.parse(second) as Origin | null;
    if (typeof origin?.inode === "string") return { text: text.trim(), origin };
  } catch {
    // Of an earlier version, or changed by hand: the text counts.
  }
  return { text: text.trim() };
}

async function readIfAny(path: string): Promise<string | undefined> {
  const content = await readFile(path, "utf8").catch(ignoring("ENOENT"));
  return content?.trim() ? content : undefined;
}

const ignoring =
  (code: string) =>
  (error: NodeJS.ErrnoException): undefined => {
    if (error.code !== code) throw error;
  };
