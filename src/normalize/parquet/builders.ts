/** The right builder for a column. */
import type { StoredColumn } from "../../schema/types";
import type { NormalizeCapabilities } from "../types";
import { BytesBuilder } from "./bytes-builder";
import type { ColumnBuilder } from "./column-builder";
import { shapeOf, type ValueStyle } from "./column-type";
import { BoolBuilder, DateBuilder, DecimalBuilder, DoubleBuilder, Int64Builder } from "./fixed-builders";

export function builderFor(
  column: StoredColumn,
  capabilities: Pick<
    NormalizeCapabilities,
    "decimal_precision" | "wei_precision" | "times_as_microseconds" | "long_decimals"
  >,
  style: ValueStyle,
): ColumnBuilder {
  const shape = shapeOf(column, capabilities);
  switch (shape.kind) {
    case "int64":
      return new Int64Builder(column.name, shape);
    case "double":
      return new DoubleBuilder(column.name, shape, style);
    case "date":
      return new DateBuilder(column.name, shape);
    case "bool":
      return new BoolBuilder(column.name, shape);
    case "decimal":
      return new DecimalBuilder(column.name, shape);
    default:
      return new BytesBuilder(column.name, shape, {
        unique: column.unique === true || column.row_key === true,
        dropsNul: style === "literals",
      });
  }
}
