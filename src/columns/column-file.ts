/** Pages of columns one after the other in a file: the length of a header, the header as JSON, the buffers. */
import type { FileHandle } from "node:fs/promises";
import type { ColumnKind, ColumnPage, PageColumn } from "./column-page";

interface Header {
  rows: number;
  bare: boolean;
  columns: { name: string; type: ColumnKind; count: number; present: number; data: number }[];
}

/** What to write for a page, in order. */
export function encodePage(page: ColumnPage): Uint8Array[] {
  const header: Header = {
    rows: page.rows,
    bare: page.bare,
    columns: page.columns.map(({ name, type, count, present, data }) => ({
      name,
      type,
      count,
      present: present?.length ?? 0,
      data: data.length,
    })),
  };
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(text.length);
  return [length, text, ...page.columns.flatMap(({ present, data }) => [present ?? new Uint8Array(0), data])];
}

/**
 * The pages in the first `bytes` bytes of a file, from place `from` on, where one begins. Undefined instead of a page: the file is shorter than that, or holds
 * something else. A page is read as a whole, as it was written.
 */
export async function* readPages(
  file: FileHandle,
  bytes: number,
  from = 0,
): AsyncGenerator<ColumnPage | undefined> {
  let at = from;
  const take = async (size: number): Promise<Buffer | undefined> => {
    // A length that leads out of the file is none.
    if (!(size >= 0 && size <= bytes - at)) return undefined;
    const buffer = Buffer.allocUnsafeSlow(size);
    for (let done = 0; done < size; ) {
      const { bytesRead } = await file.read(buffer, done, size - done, at + done);
      if (bytesRead === 0) return undefined;
      done += bytesRead;
    }
    at += size;
    return buffer;
  };
  while (at < bytes) {
    const length = await take(4);
    const text = length && (await take(length.readUInt32LE()));
    if (text === undefined) {
      yield undefined;
      return;
    }
    const header = headerOf(text);
    const body =
      header && (await take(header.columns.reduce((sum, { present, data }) => sum + present + data, 0)));
    if (header === undefined || body === undefined) {
      yield undefined;
      return;
    }
    const { rows, bare, columns } = header;
    let cutAt = 0;
    const cut = (size: number) => {
      cutAt += size;
      return body.subarray(cutAt - size, cutAt);
    };
    yield {
      rows,
      bare,
      columns: columns.map(({ name, type, count, present, data }): PageColumn => {
        const flags = present === 0 ? undefined : cut(present);
        return { name, type, count, present: flags, data: cut(data) };
      }),
    };
  }
}

function headerOf(text: Buffer): Header | undefined {
  try {
    const header = JSON.parse(text.toString()) as Header | null;
    return Array.isArray(header?.columns) ? header : undefined;
  } catch {
    return undefined;
  }
}
