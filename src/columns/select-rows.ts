/** Some rows of a page as a page of its own. */
import { type ColumnPage, fixedWidth, type PageColumn } from "./column-page";

/** @param keep one byte per row of the page; other than 0: the row stays */
export function selectRows(page: ColumnPage, keep: Uint8Array): ColumnPage {
  let rows = 0;
  for (let row = 0; row < page.rows; row++) if (keep[row] !== 0) rows++;
  if (rows === page.rows) return page;
  return { ...page, rows, columns: page.columns.map(column => selectValues(column, keep, page.rows, rows)) };
}

/** The page without its first rows. */
export function skipRows(page: ColumnPage, skipped: number): ColumnPage {
  return selectRows(page, new Uint8Array(page.rows).fill(1, skipped));
}

function selectValues(column: PageColumn, keep: Uint8Array, rows: number, kept: number): PageColumn {
  const { present, data, type } = column;
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const width = fixedWidth(type);
  const isBool = type.kind === "bool";
  const out = Buffer.alloc(data.length);
  const left = present === undefined ? undefined : new Uint8Array(kept);
  let used = 0;
  let count = 0;
  let at = 0;
  let index = 0;
  for (let row = 0; row < rows; row++) {
    const has = present === undefined || present[row] === 1;
    const stays = keep[row] !== 0;
    if (stays && left !== undefined) left[index] = has ? 1 : 0;
    if (stays) index++;
    if (!has) continue;
    if (isBool) {
      if (stays) {
        if (((data[at >> 3]! >> (at & 7)) & 1) === 1) out[count >> 3]! |= 1 << (count & 7);
        used = (count >> 3) + 1;
      }
      at++;
    } else {
      const size = width ?? 4 + view.getUint32(at, true);
      if (stays) {
        out.set(data.subarray(at, at + size), used);
        used += size;
      }
      at += size;
    }
    if (stays) count++;
  }
  return { ...column, present: left, count, data: out.subarray(0, used) };
}
