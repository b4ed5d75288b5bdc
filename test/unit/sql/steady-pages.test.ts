/** How long statements are after one was cut: from the server's limit, and not from a moment's accident. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "../../../src/sources/source";
import { ServerRefusal } from "../../../src/sources/sql/sql-errors";
import { type Part, steadyPages } from "../../../src/sources/sql/steady-pages";

const cut = (limitMs?: number) => new ServerRefusal("SQL_CONNECTION", "cut", true, limitMs);

/** A table of so many rows; a statement takes `ms`, and one that would have `most` rows or more is cut. */
function server(rows: number, options: { ms: number; cutFirst?: boolean; most?: number; limitMs?: number }) {
  const asked: number[] = [];
  async function* read({ resume, limit }: Part): AsyncGenerator<Page> {
    asked.push(limit ?? Number.POSITIVE_INFINITY);
    if (asked.length > 300) throw new Error("too many statements");
    const from = (resume as number | undefined) ?? 0;
    const until = Math.min(rows, from + (limit ?? rows));
    await sleep(options.ms);
    if ((asked.length === 1 && options.cutFirst) || until - from >= (options.most ?? rows + 1))
      throw cut(options.limitMs);
    yield { rows: Array.from({ length: until - from }, (_, i) => ({ id: from + i })), resume: until };
  }
  return { read, asked };
}

async function ids(read: (part: Part) => AsyncIterable<Page>): Promise<unknown[]> {
  const found: unknown[] = [];
  const open = { signal: new AbortController().signal, attempts: 1 };
  for await (const page of steadyPages(read, true, open)) found.push(...page.rows.map(row => row.id));
  return found;
}

const ALL = Array.from({ length: 50_000 }, (_, i) => i);

test("a statement that somebody cancels at once makes pages of half a second, not of a few rows", async () => {
  const { read, asked } = server(ALL.length, { ms: 20, cutFirst: true });
  expect(await ids(read)).toEqual(ALL);
  expect(asked.length).toBeLessThan(12);
});

test("the server's own limit is what pages are measured by", async () => {
  const { read, asked } = server(4_000, { ms: 25, cutFirst: true, most: 1_000, limitMs: 200 });
  expect(await ids(read)).toEqual(ALL.slice(0, 4_000));
  // 50 ms a page: twice the rows of a page that took 25 ms.
  expect(asked.length).toBeLessThan(40);
});
