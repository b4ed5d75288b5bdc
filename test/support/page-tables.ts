/** Tables of the manual's pages, so that a test can hold every row of them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(__dirname, "..", "..");

export const readRepository = (path: string): string => readFileSync(join(ROOT, path), "utf8");

/** @returns the tables below each heading of the second level: rows of cells, without their heads */
export function tablesOf(page: string): Map<string, string[][][]> {
  const sections = new Map<string, string[][][]>();
  let tables: string[][][] = [];
  let inTable = false;
  for (const line of page.split("\n")) {
    if (line.startsWith("## ")) {
      tables = [];
      sections.set(line.slice(3), tables);
    }
    const isRow = line.startsWith("|");
    if (isRow && !inTable) tables.push([]);
    inTable = isRow;
    if (!isRow) continue;
    const cells = line
      .slice(1, -1)
      .split("|")
      .map(cell => cell.trim());
    tables.at(-1)!.push(cells);
  }
  for (const found of sections.values()) for (const table of found) table.splice(0, 2);
  return sections;
}
