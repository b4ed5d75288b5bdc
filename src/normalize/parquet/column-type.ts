/** Which Parquet type carries which dlt type. */
import type { StoredColumn } from "../../schema/types";
import type { NormalizeCapabilities } from "../types";
import type { Struct } from "./thrift";

/** How values are kept in memory and in the file. */
export type Shape =
  | { kind: "text" }
  | { kind: "binary" }
  | { kind: "int64"; logical: "integer" | "timestamp" | "local-timestamp" | "time" }
  | { kind: "date" }
  | { kind: "double" }
  | { kind: "bool" }
  | { kind: "decimal"; precision: number; scale: number };

/**
 * What dlt's files of a table can say. "literals" (its default on DuckDB): NUL is left out of text, minus zero is
 * zero, and NaN and infinities make the load fail. "json": NaN and infinities are null. "values": everything.
 */
export type ValueStyle = "literals" | "json" | "values";

const MAX_PRECISION = 38;

export function shapeOf(
  column: StoredColumn,
  capabilities: Pick<
    NormalizeCapabilities,
    "decimal_precision" | "wei_precision" | "times_as_microseconds" | "long_decimals"
  >,
): Shape {
  switch (column.data_type) {
    case "bigint":
      return { kind: "int64", logical: "integer" };
    case "double":
      return { kind: "double" };
    case "bool":
      return { kind: "bool" };
    case "timestamp":
      return { kind: "int64", logical: column.timezone === false ? "local-timestamp" : "timestamp" };
    case "time":
      return { kind: "int64", logical: capabilities.times_as_microseconds === true ? "integer" : "time" };
    case "date":
      return { kind: "date" };
    case "binary":
      return { kind: "binary" };
    case "decimal":
    case "wei": {
      const [precision, scale] =
        column.data_type === "decimal" ? capabilities.decimal_precision : capabilities.wei_precision;
      if (capabilities.long_decimals && (column.precision ?? precision) > MAX_PRECISION)
        return { kind: "text" };
      return {
        kind: "decimal",
        precision: Math.min(column.precision ?? precision, MAX_PRECISION),
        scale: column.scale ?? scale,
      };
    }
    default:
      return { kind: "text" };
  }
}

export const PHYSICAL = { boolean: 0, int32: 1, int64: 2, double: 5, bytes: 6, fixed: 7 } as const;

/** Type of a column in a file. */
export interface FileType {
  physical: number;
  /** Further fields of the schema element: length, converted type, scale, precision, logical type. */
  extra: Struct;
}

export const TEXT: FileType = {
  physical: PHYSICAL.bytes,
  extra: [
    [6, { i32: 0 }],
    [10, { struct: [[1, { struct: [] }]] }],
  ],
};

export function decimalType(precision: number, scale: number): FileType {
  return {
    physical: PHYSICAL.fixed,
    extra: [
      [2, { i32: 16 }],
      [6, { i32: 5 }],
      [7, { i32: scale }],
      [8, { i32: precision }],
      [
        10,
        {
          struct: [
            [
              5,
              {
                struct: [
                  [1, { i32: scale }],
                  [2, { i32: precision }],
                ],
              },
            ],
          ],
        },
      ],
    ],
  };
}

const MICROS: Struct = [[2, { struct: [] }]];

export function fileType(shape: Shape): FileType {
  switch (shape.kind) {
    case "text":
      return TEXT;
    case "binary":
      return { physical: PHYSICAL.bytes, extra: [] };
    case "double":
      return { physical: PHYSICAL.double, extra: [] };
    case "bool":
      return { physical: PHYSICAL.boolean, extra: [] };
    case "date":
      return {
        physical: PHYSICAL.int32,
        extra: [
          [6, { i32: 6 }],
          [10, { struct: [[6, { struct: [] }]] }],
        ],
      };
    case "decimal":
      return decimalType(shape.precision, shape.scale);
    case "int64":
      return { physical: PHYSICAL.int64, extra: int64Extra(shape.logical) };
  }
}

function int64Extra(logical: "integer" | "timestamp" | "local-timestamp" | "time"): Struct {
  if (logical === "integer") return [];
  const utc = logical === "timestamp";
  const unit: Struct = [
    [1, { bool: utc }],
    [2, { struct: MICROS }],
  ];
  const converted: Struct = logical === "local-timestamp" ? [] : [[6, { i32: logical === "time" ? 8 : 10 }]];
  return [...converted, [10, { struct: [[logical === "time" ? 7 : 8, { struct: unit }]] }]];
}
