/** The few parts of Thrift's compact protocol that Parquet's headers and footer need. */
const I32 = 5;
const I64 = 6;
const BINARY = 8;
const LIST = 9;
const STRUCT = 12;
const TRUE = 1;
const FALSE = 2;

export type Field =
  | { i32: number }
  | { i64: number }
  | { text: string }
  | { bool: boolean }
  | { struct: Struct }
  | { i32s: number[] }
  | { texts: string[] }
  | { structs: Struct[] };
/** Field id to value, ids ascending. */
export type Struct = [id: number, field: Field][];

export function encodeStruct(struct: Struct): Buffer {
  const out: number[] = [];
  writeStruct(out, struct);
  return Buffer.from(out);
}

function writeStruct(out: number[], struct: Struct): void {
  let last = 0;
  for (const [id, field] of struct) {
    const delta = id - last;
    const type = typeOf(field);
    if (delta > 0 && delta <= 15) out.push((delta << 4) | type);
    else {
      out.push(type);
      writeZigzag(out, id);
    }
    last = id;
    writeField(out, field);
  }
  out.push(0);
}

function typeOf(field: Field): number {
  if ("i32" in field) return I32;
  if ("i64" in field) return I64;
  if ("text" in field) return BINARY;
  if ("bool" in field) return field.bool ? TRUE : FALSE;
  return "struct" in field ? STRUCT : LIST;
}

function writeField(out: number[], field: Field): void {
  if ("i32" in field) writeZigzag(out, field.i32);
  else if ("i64" in field) writeZigzag(out, field.i64);
  else if ("text" in field) writeText(out, field.text);
  else if ("struct" in field) writeStruct(out, field.struct);
  else if ("i32s" in field) writeList(out, I32, field.i32s, value => writeZigzag(out, value));
  else if ("texts" in field) writeList(out, BINARY, field.texts, value => writeText(out, value));
  else if ("structs" in field) writeList(out, STRUCT, field.structs, value => writeStruct(out, value));
}

function writeList<T>(out: number[], type: number, list: T[], write: (value: T) => void): void {
  if (list.length < 15) out.push((list.length << 4) | type);
  else {
    out.push(0xf0 | type);
    writeVarint(out, list.length);
  }
  for (const item of list) write(item);
}

function writeText(out: number[], text: string): void {
  const bytes = Buffer.from(text, "utf8");
  writeVarint(out, bytes.length);
  for (const byte of bytes) out.push(byte);
}

/** Values here are sizes and counts: never negative, at most 2^52. */
function writeZigzag(out: number[], value: number): void {
  writeVarint(out, value * 2);
}

export function writeVarint(out: number[], value: number): void {
  let rest = value;
  while (rest >= 128) {
    out.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  out.push(rest);
}
