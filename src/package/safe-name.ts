/**
 * Names of pipelines and resources as names of files. Any text goes in; what comes out is safe on every file
 * system, never climbs out of its folder, and is different for different names, also where the file system does
 * not tell upper from lower case.
 */
import { createHash } from "node:crypto";

const PLAIN = /[A-Za-z0-9_-]/;
/** Leaves room for suffixes below the 255 bytes that file systems allow. */
const MAX_LENGTH = 150;

/**
 * Letters, digits, `_`, `-` and inner dots stay; every other byte of the UTF-8 form becomes `%xx`. A name with
 * capitals gets `~` and their places as hexadecimal bits, a very long one is cut and gets a digest.
 */
export function safeName(name: string): string {
  let text = "";
  let capitals = 0n;
  for (const char of name) {
    if (char >= "A" && char <= "Z") capitals |= 1n << BigInt(text.length);
    if (PLAIN.test(char) || (char === "." && text !== "")) text += char;
    else for (const byte of Buffer.from(char)) text += `%${byte.toString(16).padStart(2, "0")}`;
  }
  if (text === "") return "%";
  // A final dot is dropped by some file systems.
  if (text.endsWith(".")) text = `${text.slice(0, -1)}%2e`;
  const marked = capitals === 0n ? text : `${text}~${capitals.toString(16)}`;
  if (marked.length <= MAX_LENGTH) return marked;
  return `${text.slice(0, 80)}~~${createHash("sha256").update(name).digest("hex").slice(0, 40)}`;
}
