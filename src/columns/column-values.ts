/** Columns back to values and rows, for whoever has to look at rows: cursors, nested data, schemas that change. */
import { parseJson } from "../json/parse";
import {
  Binary,
  Decimal,
  PlainDate,
  PlainTime,
  type Row,
  Timestamp,
  type Value,
  WholeFloat,
} from "../json/values";
import type { ColumnPage, PageColumn } from "./column-page";

const DAY_MS = 86_400_000;
const DAY_MICROS = 86_400_000_000n;
const SECOND_MICROS = 1_000_000n;

/** The values of a column in row order. */
export function* columnValues(column: PageColumn, rows: number): Generator<Value> {
  const read = valueReader(column);
  for (let row = 0; row < rows; row++)
    yield column.present === undefined || column.present[row] === 1 ? read() : null;
}

/** Rows of the page from `from` to `to`, keys in the order of the columns. */
export function pageRows(page: ColumnPage, from = 0, to = page.rows): Row[] {
  const rows: Row[] = Array.from({ length: to - from }, () => ({}));
  for (const column of page.columns) {
    let row = 0;
    for (const value of columnValues(column, to)) {
      if (row >= from) rows[row - from]![column.name] = value;
      row++;
    }
  }
  return rows;
}

/** Hands out the values that are not null, one after the other. */
function valueReader({ type, data }: PageColumn): () => Value {
  const view = new DataView(data.buffer, data.byteOffset, data.length);
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.length);
  let at = 0;
  const int64 = () => {
    at += 8;
    return view.getBigInt64(at - 8, true);
  };
  const lengthy = () => {
    const size = view.getUint32(at, true);
    at += 4 + size;
    return at - size;
  };
  const text = () => {
    const start = lengthy();
    return bytes.toString("utf8", start, at);
  };
  switch (type.kind) {
    case "text":
      return text;
    case "json":
      return () => parseJson(text());
    case "decimal-text":
      return () => new Decimal(text());
    case "binary":
      return () => {
        const start = lengthy();
        return new Binary(Uint8Array.from(bytes.subarray(start, at)));
      };
    case "integer":
      return () => {
        const value = int64();
        const number = Number(value);
        return Number.isSafeInteger(number) ? number : value;
      };
    case "timestamp":
      return () => new Timestamp(`${wallText(int64())}+00:00`);
    case "local-timestamp":
      return () => new Timestamp(wallText(int64()));
    case "time":
      return () => new PlainTime(timeText(int64()));
    case "date":
      return () => {
        at += 4;
        return new PlainDate(dayText(view.getInt32(at - 4, true)));
      };
    case "double":
      return () => {
        at += 8;
        const value = view.getFloat64(at - 8, true);
        return Number.isInteger(value) ? new WholeFloat(value) : value;
      };
    case "bool":
      return () => {
        const bit = at++;
        return ((data[bit >> 3]! >> (bit & 7)) & 1) === 1;
      };
    case "decimal":
      return () => {
        at += 16;
        const unscaled = (view.getBigInt64(at - 16) << 64n) | view.getBigUint64(at - 8);
        return new Decimal(scaledText(unscaled, type.scale));
      };
  }
}

/** As Python prints a Decimal: scientific below 1e-6. */
export function scaledText(unscaled: bigint, scale: number): string {
  const sign = unscaled < 0n ? "-" : "";
  const digits = (unscaled < 0n ? -unscaled : unscaled).toString();
  if (scale === 0) return sign + digits;
  const exponent = digits.length - scale - 1;
  if (exponent < -6) {
    const rest = digits.slice(1);
    return `${sign}${digits[0]}${rest === "" ? "" : `.${rest}`}E${exponent}`;
  }
  const padded = digits.padStart(scale + 1, "0");
  return `${sign}${padded.slice(0, -scale)}.${padded.slice(-scale)}`;
}

function dayText(days: number): string {
  return new Date(days * DAY_MS).toISOString().slice(0, 10);
}

function timeText(micros: bigint): string {
  const clock = new Date(Number(micros / 1000n)).toISOString().slice(11, 19);
  const fraction = micros % SECOND_MICROS;
  return fraction === 0n ? clock : `${clock}.${fraction.toString().padStart(6, "0")}`;
}

function wallText(micros: bigint): string {
  let days = micros / DAY_MICROS;
  let rest = micros % DAY_MICROS;
  if (rest < 0n) {
    rest += DAY_MICROS;
    days -= 1n;
  }
  return `${dayText(Number(days))}T${timeText(rest)}`;
}
