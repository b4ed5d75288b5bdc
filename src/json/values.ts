/**
 * The values a row can hold while it travels through extract and normalize.
 *
 * Plain JavaScript values carry JSON as dlt's Python sees it:
 *   number, not integral     -> Python float (dlt double)
 *   number, a safe integer   -> Python int (dlt bigint)
 *   WholeFloat               -> a float literal with integral value, e.g. 1.0 or 1e21 (dlt double)
 *   bigint                   -> an integer beyond 2^53 (dlt bigint, or wei beyond 64 bits)
 * SQL and code sources add the typed classes below; in files they travel as dlt's typed JSON (a string whose
 * first character, from the private use area, names the type).
 */
export class WholeFloat {
  constructor(readonly value: number) {}
}
export class Decimal {
  /** Plain or scientific decimal text as Python's Decimal prints it, e.g. "12.50". */
  constructor(readonly text: string) {}
}
export class Timestamp {
  /** ISO 8601 with up to 6 fractional digits; with offset when zone-aware, without when naive. */
  constructor(readonly text: string) {}
}
export class PlainDate {
  constructor(readonly text: string) {}
}
export class PlainTime {
  constructor(readonly text: string) {}
}
export class Binary {
  constructor(readonly bytes: Uint8Array) {}
}

export type Scalar =
  | null
  | boolean
  | number
  | bigint
  | string
  | WholeFloat
  | Decimal
  | Timestamp
  | PlainDate
  | PlainTime
  | Binary;
export type Value = Scalar | Value[] | { [key: string]: Value };
export type Row = { [key: string]: Value };
