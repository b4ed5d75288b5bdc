/** Files that libpq looks things up in: passwords, services, keys. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { TidemarkError } from "../pipeline/errors";
import type { Given } from "./dsn";

/** Readable by the group or by others; a key of root may be read by its group. */
function isOpen(path: string, mayGroup: boolean): boolean {
  const { mode, uid } = statSync(path);
  return (mode & (mayGroup && uid === 0 ? 0o027 : 0o077)) !== 0;
}

function settingsError(message: string): TidemarkError {
  return new TidemarkError("SQL_SETTINGS", message, { step: "extract" });
}

/**
 * @param parameter that names the file
 * @throws TidemarkError SQL_SETTINGS when it cannot be read
 */
export function readNamed(parameter: string, path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw settingsError(
      `Connection parameter "${parameter}" names ${path}, which the worker cannot read (${(error as NodeJS.ErrnoException).code}). Give a file that is there where the worker runs.`,
    );
  }
}

/** @throws TidemarkError SQL_SETTINGS also when others may read it */
export function readKey(path: string): string {
  const key = readNamed("sslkey", path);
  if (isOpen(path, true)) {
    throw settingsError(
      `Connection parameter "sslkey" names ${path}, which others may read. Make it readable for its owner only (chmod 600), as libpq wants it.`,
    );
  }
  return key;
}

/** The file's text, or undefined when there is none. */
export function readDefault(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

export interface PasswordPlace {
  host: string;
  port: number;
  database: string;
  user: string;
}

/**
 * The password of the first line that fits (`host:port:database:user:password`, `*` fits all).
 * @param given named by a parameter, so that it must be there
 * @throws TidemarkError SQL_SETTINGS when a named file cannot be read or others may read it
 */
export function passwordIn(path: string, given: boolean, place: PasswordPlace): string | undefined {
  const text = given ? readNamed("passfile", path) : readDefault(path);
  if (text === undefined) return undefined;
  if (isOpen(path, false)) {
    throw settingsError(
      `The password file ${path} may be read by others. Make it readable for its owner only (chmod 600), as libpq wants it.`,
    );
  }
  const wanted = [place.host, String(place.port), place.database, place.user];
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith("#")) continue;
    const fields = [...line.matchAll(/((?:[^:\\]|\\.)*)(?::|$)/g)].map(match => match[1]!);
    const parts = fields.map(field => field.replace(/\\(.)/g, "$1"));
    if (parts.length < 5 || parts[4] === "") continue;
    if (wanted.every((value, index) => fields[index] === "*" || parts[index] === value)) return parts[4];
  }
  return undefined;
}

/** @throws TidemarkError SQL_SETTINGS when there is no such service */
export function readService(name: string, files: readonly string[]): Given {
  for (const file of files) {
    const section = sectionOf(readDefault(file) ?? "", name);
    if (section !== undefined) return section;
  }
  throw settingsError(
    `Connection parameter "service" names "${name}", which is no section of ${files.join(" or ")} where the worker runs.`,
  );
}

function sectionOf(text: string, name: string): Given | undefined {
  let found: Given | undefined;
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const header = /^\[(.*)\]$/.exec(line)?.[1];
    if (header !== undefined && found !== undefined) return found;
    if (header === name) found = {};
    const pair = /^([^=]+?)=(.*)$/.exec(line);
    if (found !== undefined && pair !== null) found[pair[1]!.trim()] = pair[2]!.trim();
  }
  return found;
}

export const inHome = (home: string, ...names: string[]) => join(home, ...names);
