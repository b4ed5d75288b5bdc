/**
 * A read that a server cuts short goes on after its last finished page, by statements that are short enough: keyset
 * pages, each a transaction of its own. What servers cut short: statements (statement_timeout), transactions, waiting
 * ones too, and on a replica the rows that are needed still (conflict with recovery).
 */
import type { Json } from "../../pipeline/spec";
import type { OpenOptions, Page } from "../source";
import { limitOf, wasCutShort } from "./sql-errors";

export interface Part {
  /** Place to go on after. */
  resume?: Json;
  /** Most rows; undefined: all that are left. */
  limit?: number;
}

/** A page that is too short costs little; the time that it takes decides about the next one. */
const FIRST_ROWS = 64;
const PAGE_MS = 5_000;
/** Of the time that was cut, for one page. */
const SHARE = 4;
/**
 * Where no limit of the server's is known: a statement that somebody cancelled after a moment says nothing of how long
 * others may take, and pages below this are mostly the price of a statement.
 */
const LEAST_MS = 500;
const MOST_CHANGE = 8;
const MOST_ROWS = 500_000;
/** Attempts on one place, each for fewer rows. */
const MOST_FAILURES = 12;
const LEAST_ROWS = 1;

const rowsOf = (page: Page) => page.columns?.rows ?? page.rows.length;

function pageMs(limitMs: number | undefined, tookMs: number): number {
  return limitMs === undefined ? Math.max(LEAST_MS, tookMs / SHARE) : limitMs / SHARE;
}

/**
 * @param read pages of one part in the order of the key; each tells its place in `resume`
 * @param isKeyed there is a key to go on after
 */
export async function* steadyPages(
  read: (part: Part) => AsyncIterable<Page>,
  isKeyed: boolean,
  { resume, signal, onWait }: OpenOptions,
): AsyncGenerator<Page> {
  let place: Json | undefined = resume;
  let lost = false;
  let cut: unknown;
  const from = performance.now();
  try {
    for await (const page of read({ resume: place })) {
      // a page of rows without a place cannot be gone on after
      if (rowsOf(page) > 0) {
        lost = page.resume === undefined;
        place = page.resume;
      }
      yield page;
    }
    return;
  } catch (error) {
    if (!isKeyed || lost || signal.aborted || !wasCutShort(error)) throw error;
    cut = error;
  }
  const target = Math.min(PAGE_MS, pageMs(limitOf(cut), performance.now() - from));
  onWait?.("reading on in shorter statements, as the server cut the last one short");
  let limit = FIRST_ROWS;
  for (let failures = 0; ; ) {
    const began = performance.now();
    let rows = 0;
    try {
      for await (const page of read({ resume: place, limit })) {
        const got = rowsOf(page);
        if (got === 0) continue;
        rows += got;
        lost = page.resume === undefined;
        place = page.resume;
        yield page;
      }
    } catch (error) {
      if (lost || signal.aborted || !wasCutShort(error)) throw error;
      // what was read is kept, so that only a place where nothing comes any more is given up
      failures = rows > 0 ? 0 : failures + 1;
      if (failures > MOST_FAILURES || (failures > 1 && limit <= LEAST_ROWS)) throw error;
      if (rows === 0) limit = Math.max(LEAST_ROWS, Math.floor(limit / MOST_CHANGE));
      continue;
    }
    if (rows < limit) return;
    // infinity as a key is no place to go on after
    if (lost) throw cut;
    failures = 0;
    const wanted = (limit * target) / Math.max(1, performance.now() - began);
    limit = Math.ceil(
      Math.min(MOST_ROWS, limit * MOST_CHANGE, Math.max(wanted, limit / MOST_CHANGE, LEAST_ROWS)),
    );
  }
}
