/** How the columns of a reflected table come over as columns: what to select, how to decode it, as what. */
import { escapeIdentifier } from "pg";
import type { ColumnKind } from "../../columns/column-page";
import type { ColumnHint, DataType } from "../../pipeline/spec";
import * as binary from "./binary-values";
import { columnHint, numericLimits, type ReflectedColumn, type ReflectionLevel } from "./column-types";
import type { Decoder } from "./copy-decoder";
import { storableJson } from "./jsonb-text";
import {
  elementParser,
  listOf,
  type Parser,
  parserFor,
  rangeTexts,
  timeText,
  toHstore,
} from "./value-parsers";

export interface ColumnPlan extends binary.BinaryType {
  name: string;
  /** Stands in the SELECT for the column; undefined: the column itself. */
  expression: string | undefined;
}

const MAX_PRECISION = 38;

type Form = binary.BinaryType & { cast?: string };

const text: Form = { type: { kind: "text" }, decode: binary.bytes };

const FORMS: { [typname: string]: Form } = {
  int2: { type: { kind: "integer" }, decode: binary.int2 },
  int4: { type: { kind: "integer" }, decode: binary.int4 },
  int8: { type: { kind: "integer" }, decode: binary.int8 },
  oid: { type: { kind: "integer" }, decode: binary.oid },
  bool: { type: { kind: "bool" }, decode: binary.bool },
  text,
  varchar: text,
  bpchar: text,
  name: text,
  uuid: { type: { kind: "text" }, decode: binary.uuid },
  bytea: { type: { kind: "binary" }, decode: binary.bytes },
  date: { type: { kind: "date" }, decode: binary.date },
  time: { type: { kind: "time" }, decode: binary.time },
  // the offset is dropped, as dlt does
  timetz: { type: { kind: "time" }, decode: binary.time, cast: "::time" },
  timestamp: { type: { kind: "local-timestamp" }, decode: binary.timestamp },
  timestamptz: { type: { kind: "timestamp" }, decode: binary.timestamp },
  jsonb: { type: { kind: "json" }, decode: binary.jsonb },
};

/** What PostgreSQL prints, read as in rows and printed as JSON. */
function asJson(column: ReflectedColumn): Form {
  const parse = reflectedParser(column, true) ?? parserFor(column.oid);
  const decode: Decoder = ({ bytes }, start, end, to) => {
    const value = parse(bytes.toString("utf8", start, end));
    if (value === null) to.writeNull();
    else to.writeText(storableJson(value));
  };
  return { type: { kind: "json" }, decode, cast: "::text" };
}

const NUMBER_RANGES = ["int4range", "int8range", "numrange"];
const RANGES = [...NUMBER_RANGES, "daterange", "tsrange", "tstzrange"];

/** A range as dlt's arrow tables have it: numbers as they stand, times as PostgreSQL prints them. */
function rangeAsJson({ typname }: ReflectedColumn): Form {
  const print = (text: string) =>
    NUMBER_RANGES.includes(typname) ? text : JSON.stringify(timeText(text, typname));
  const decode: Decoder = ({ bytes }, start, end, to) => {
    const { lower, upper, bounds, empty } = rangeTexts(bytes.toString("utf8", start, end));
    const side = (text: string | undefined) => (text === undefined ? "null" : print(text));
    to.writeText(`{"lower":${side(lower)},"upper":${side(upper)},"bounds":"${bounds}","empty":${empty}}`);
  };
  return { type: { kind: "json" }, decode, cast: "::text" };
}

/** Refused as soon as there is a value, with the words that rows have for it. */
function refused(column: ReflectedColumn): Form {
  const parse = parserFor(column.oid);
  const decode: Decoder = ({ bytes }, start, end) => {
    parse(bytes.toString("utf8", start, end));
  };
  return { type: { kind: "text" }, decode, cast: "::text" };
}

function formOf(column: ReflectedColumn, bare: boolean): Form {
  const typname = column.base ?? column.typname;
  if (column.is_array || typname === "json" || typname === "hstore") return asJson(column);
  if (RANGES.includes(typname)) return rangeAsJson(column);
  if (typname === "interval") return refused(column);
  // a float of 4 bytes is the double that its digits say, not the one that its bits say
  if (typname === "float4")
    return { type: { kind: "double" }, decode: binary.float8(bare), cast: "::text::float8" };
  if (typname === "float8") return { type: { kind: "double" }, decode: binary.float8(bare) };
  if (typname === "numeric") {
    // a domain's own limits are no hint in dlt, whose rows then have the destination's default scale
    const limits = column.base === null || bare ? numericLimits(column.typmod) : undefined;
    const isFixed = limits && limits.scale >= 0 && limits.scale <= limits.precision;
    if (!isFixed || limits.precision > MAX_PRECISION)
      return { type: { kind: "decimal-text" }, decode: binary.freeNumeric };
    return {
      type: { kind: "decimal", ...limits },
      decode: binary.fixedNumeric(limits.precision, limits.scale),
    };
  }
  return FORMS[typname] ?? { ...text, cast: "::text" };
}

/**
 * How texts of a column are read when its type says more than its oid.
 * @param isJson it becomes one JSON value: NaN and infinities of a `numeric[]` are then texts, as in dlt
 */
export function reflectedParser(column: ReflectedColumn, isJson: boolean): Parser | undefined {
  const isHstore = column.typname === "hstore";
  if (column.is_array) return listOf(isHstore ? toHstore : elementParser(column.element_oid, isJson));
  // An array of a type that SQLAlchemy does not know: xml[] has a reader here, which is for plain queries.
  if (column.element_oid !== 0) return text => text;
  return isHstore ? toHstore : undefined;
}

const DATA_TYPES: { [kind in ColumnKind["kind"]]: DataType } = {
  text: "text",
  json: "json",
  "decimal-text": "decimal",
  binary: "binary",
  integer: "bigint",
  timestamp: "timestamp",
  "local-timestamp": "timestamp",
  time: "time",
  date: "date",
  double: "double",
  bool: "bool",
  decimal: "decimal",
};

/** Arrow tables have a type for every column, whatever the reflection level says. */
export function bareHint(column: ReflectedColumn, level: ReflectionLevel): ColumnHint {
  const hint = columnHint(column, level) ?? { name: column.name, nullable: column.nullable };
  if (hint.data_type !== undefined) return hint;
  const { type } = formOf(column, true);
  const limits = type.kind === "decimal" ? { precision: type.precision, scale: type.scale } : {};
  const zone = type.kind === "local-timestamp" ? { timezone: false } : {};
  return { ...hint, data_type: DATA_TYPES[type.kind], ...limits, ...zone };
}

/**
 * The plan for every column, or undefined when the table must be read as rows: JSON and arrays without the hint
 * `json` are split into tables, and domains over arrays are known by their values only.
 * @param bare rows without dlt's own columns, whose values stay as they are
 */
export function columnPlans(
  columns: readonly ReflectedColumn[],
  hints: readonly ColumnHint[],
  bare: boolean,
): ColumnPlan[] | undefined {
  const plans: ColumnPlan[] = [];
  for (const column of columns) {
    const form = formOf(column, bare);
    const hint = hints.find(({ name }) => name === column.name);
    if (column.base?.startsWith("_")) return undefined;
    if (form.type.kind === "json" && hint?.data_type !== "json" && !bare) return undefined;
    plans.push({
      name: column.name,
      type: form.type,
      decode: form.decode,
      expression: form.cast && `${escapeIdentifier(column.name)}${form.cast}`,
    });
  }
  return plans;
}
