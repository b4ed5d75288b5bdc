/** dlt's naming convention snake_case: from any text to a name a database takes without surprises. */
import { TidemarkError } from "../pipeline/errors";
import { nameTag } from "./hashing";
import { isBlank, pythonStrip } from "./python-space";

const SEPARATOR = "__";
const REDUCED: { [character: string]: string } = { "+": "x", "*": "x", "-": "_", "@": "a", "|": "l" };

export interface Naming {
  /** One identifier: schema, dataset and piece names. */
  ident(text: string): string;
  /** A name that may hold `__`: column and table names (dlt: normalize_path). */
  path(text: string): string;
  /** Joins normalised fragments with `__` and shortens (dlt: shorten_fragments). */
  join(fragments: readonly string[]): string;
  /**
   * A JSON key as a column or table fragment: blank keys become `_empty` for columns. "" for a key of two
   * underscores: as a fragment it falls away, a column cannot have that name.
   */
  column(key: string): string;
  table(key: string): string;
}

export interface NamingOptions {
  /** Smaller of the destination's table and column limits; absent: no limit. */
  maxLength?: number;
  /** dlt: `normalizers.use_break_path_on_normalize`, false in schemas migrated from engine 10. */
  breakPath?: boolean;
}

/**
 * A naming convention with its own caches.
 * All functions throw TidemarkError BAD_IDENTIFIER for names that have nothing left.
 */
export function snakeCase(options: NamingOptions = {}): Naming {
  const { maxLength, breakPath = true } = options;
  const ident = cached(text => {
    const trimmed = pythonStrip(text);
    if (trimmed === "") throw emptyName();
    return shorten(toSnakeCase(trimmed), trimmed, maxLength);
  });
  const pathOrNothing = cached(text => {
    const pieces = text.split(SEPARATOR).filter(piece => !isBlank(piece));
    return shorten(pieces.map(ident).join(SEPARATOR), text, maxLength);
  });
  const path = (text: string) => {
    const name = pathOrNothing(text);
    if (name === "") throw emptyName();
    return name;
  };
  const shortenJoined = cached(joined => shorten(joined, joined, maxLength));
  const key = breakPath ? pathOrNothing : ident;
  const column = cached(text => (isBlank(text) ? "_empty" : key(text)));
  return {
    ident,
    path,
    join: fragments => shortenJoined(fragments.filter(fragment => !isBlank(fragment)).join(SEPARATOR)),
    column,
    table: key,
  };
}

/** Caches stop growing here: keys of hostile data must not fill the memory. */
const CACHE_LIMIT = 100_000;

function cached(compute: (text: string) => string): (text: string) => string {
  const cache = new Map<string, string>();
  return text => {
    const known = cache.get(text);
    if (known !== undefined) return known;
    const result = compute(text);
    if (cache.size >= CACHE_LIMIT) cache.clear();
    cache.set(text, result);
    return result;
  };
}

export function emptyName(): TidemarkError {
  return new TidemarkError(
    "BAD_IDENTIFIER",
    "A key or name is empty after normalisation (blank, or underscores only). Rename it at the source, or drop it there.",
    { dltException: "NormalizeJobFailed" },
  );
}

function toSnakeCase(text: string): string {
  let name = text.replace(/[+*\-@|]/g, character => REDUCED[character]!).replace(/[^a-zA-Z\p{Nd}_]+/gu, "_");
  name = name.replace(/([^_])([A-Z][a-z]+)/gu, "$1_$2").replace(/([a-z0-9])([A-Z])/g, "$1_$2");
  name = name.toLowerCase();
  if (/^\p{Nd}/u.test(name)) name = `_${name}`;
  name = name.replace(/_+$/, tail => "x".repeat(tail.length));
  return name.replace(/__+/g, "_");
}

function shorten(name: string, original: string, maxLength: number | undefined): string {
  if (maxLength === undefined || name.length <= maxLength) return name;
  const characters = [...name];
  if (characters.length <= maxLength) return name;
  const tag = nameTag(original);
  const rest = maxLength - tag.length;
  const tail = Math.floor(rest / 2);
  return (
    characters.slice(0, rest - tail).join("") + tag + characters.slice(characters.length - tail).join("")
  );
}
