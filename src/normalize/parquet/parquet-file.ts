/**
 * Writes one Parquet file, row group by row group. Own writer because it is the hot path: the values are in typed
 * arrays in Parquet's own layout already, so that writing a row group is little more than writing buffers.
 */
import { type FileHandle, open } from "node:fs/promises";
import { basename } from "node:path";
import { onDisk } from "../../package/files";
import { assertSize, writeFully } from "../../package/write-fully";
import type { EncodedColumn } from "./column-builder";
import { encodeStruct, type Struct } from "./thrift";

const MAGIC = Buffer.from("PAR1");
const PLAIN = 0;
const RLE = 3;
const RLE_DICTIONARY = 8;
const OPTIONAL = 1;

export interface NamedColumn {
  name: string;
  encoded: EncodedColumn;
}

export class ParquetFile {
  private offset = 0;
  private rows = 0;
  private schema: Struct[] | undefined;
  private readonly groups: Struct[] = [];

  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
  ) {}

  static async create(path: string): Promise<ParquetFile> {
    const handle = await onDisk(`making ${basename(path)}`, () => open(path, "w"));
    const file = new ParquetFile(path, handle);
    try {
      await file.put([MAGIC]);
    } catch (error) {
      await file.abandon().catch(() => {});
      throw error;
    }
    return file;
  }

  get size(): number {
    return this.offset;
  }

  /** All row groups of a file must hold the same columns of the same types. */
  async writeGroup(columns: NamedColumn[], rows: number): Promise<void> {
    this.schema ??= columns.map(({ name, encoded }) => [
      [1, { i32: encoded.type.physical }],
      ...encoded.type.extra.filter(([id]) => id === 2),
      [3, { i32: OPTIONAL }],
      [4, { text: name }],
      ...encoded.type.extra.filter(([id]) => id !== 2),
    ]);
    const chunks: Struct[] = [];
    const parts: Buffer[] = [];
    let at = this.offset;
    for (const { name, encoded } of columns) {
      const start = at;
      const dictionary = dictionaryPage(encoded);
      const data = dataPage(encoded);
      const dictionarySize = sizeOf(dictionary);
      const size = dictionarySize + sizeOf(data);
      parts.push(...dictionary, ...data);
      at += size;
      chunks.push(columnChunk(name, encoded, { start, dictionarySize, size }));
    }
    await this.put(parts);
    this.rows += rows;
    this.groups.push([
      [1, { structs: chunks }],
      [2, { i64: at - (this.offset - sizeOf(parts)) }],
      [3, { i64: rows }],
    ]);
  }

  /** Writes the footer, closes the file and sees that it is whole. @throws TidemarkError DISK_FULL, DISK_FAILED */
  async finish(): Promise<void> {
    const schema = this.schema ?? [];
    const footer = encodeStruct([
      [1, { i32: 2 }],
      [
        2,
        {
          structs: [
            [
              [4, { text: "schema" }],
              [5, { i32: schema.length }],
            ],
            ...schema,
          ],
        },
      ],
      [3, { i64: this.rows }],
      [4, { structs: this.groups }],
      [6, { text: "tidemark" }],
    ]);
    const length = Buffer.alloc(4);
    length.writeUInt32LE(footer.length);
    await this.put([footer, length, MAGIC]);
    await onDisk(`closing ${this.name}`, async () => {
      await assertSize(this.handle, this.name, this.offset);
      await this.handle.close();
    });
  }

  /** Closes without a footer, after a failure. */
  async abandon(): Promise<void> {
    await this.handle.close();
  }

  private get name(): string {
    return basename(this.path);
  }

  private async put(parts: Buffer[]): Promise<void> {
    this.offset += await onDisk(`writing ${this.name}`, () => writeFully(this.handle, parts));
  }
}

function sizeOf(parts: Buffer[]): number {
  return parts.reduce((sum, part) => sum + part.length, 0);
}

function dictionaryPage(column: EncodedColumn): Buffer[] {
  if (column.dictionary === undefined) return [];
  const { bytes, count } = column.dictionary;
  const header = encodeStruct([
    [1, { i32: 2 }],
    [2, { i32: bytes.length }],
    [3, { i32: bytes.length }],
    [
      7,
      {
        struct: [
          [1, { i32: count }],
          [2, { i32: PLAIN }],
        ],
      },
    ],
  ]);
  return [header, bytes];
}

function dataPage(column: EncodedColumn): Buffer[] {
  const size = sizeOf(column.page);
  const header = encodeStruct([
    [1, { i32: 0 }],
    [2, { i32: size }],
    [3, { i32: size }],
    [
      5,
      {
        struct: [
          [1, { i32: column.rows }],
          [2, { i32: column.dictionary === undefined ? PLAIN : RLE_DICTIONARY }],
          [3, { i32: RLE }],
          [4, { i32: RLE }],
        ],
      },
    ],
  ]);
  return [header, ...column.page];
}

function columnChunk(
  name: string,
  column: EncodedColumn,
  place: { start: number; dictionarySize: number; size: number },
): Struct {
  const hasDictionary = column.dictionary !== undefined;
  return [
    [2, { i64: place.start }],
    [
      3,
      {
        struct: [
          [1, { i32: column.type.physical }],
          [2, { i32s: hasDictionary ? [PLAIN, RLE, RLE_DICTIONARY] : [PLAIN, RLE] }],
          [3, { texts: [name] }],
          [4, { i32: 0 }],
          [5, { i64: column.rows }],
          [6, { i64: place.size }],
          [7, { i64: place.size }],
          [9, { i64: place.start + place.dictionarySize }],
          ...(hasDictionary ? ([[11, { i64: place.start }]] as Struct) : []),
        ],
      },
    ],
  ];
}
