/** dlt's column hints of a reflected PostgreSQL column (dlt: `sqla_col_to_column_schema` with SQLAlchemy 2.0). */
import type { ColumnHint } from "../../pipeline/spec";

export type ReflectionLevel = "minimal" | "full" | "full_with_precision";

export interface ReflectedColumn {
  name: string;
  nullable: boolean;
  /** pg_type.typname; of an array, its element's. A type that the database made itself is no built-in one of its name. */
  typname: string;
  /** pg_type.typtype: b base, e enum, d domain, r range, … */
  typtype: string;
  /** An array of a type that SQLAlchemy knows: a list. Any other array is text to dlt, and so here. */
  is_array: boolean;
  /** Of an array, pg_type.oid of its elements, of a domain of what it is made of; else 0. */
  element_oid: number;
  /** pg_attribute.atttypmod, of a domain its own: -1 when the type has no length, precision or scale. */
  typmod: number;
  /** As PostgreSQL prints the type, for casts. */
  type: string;
  /** pg_type.oid. */
  oid: number;
  /** Of a domain: pg_type.typname of what it is made of in the end, else null. */
  base: string | null;
  /** Length of an enum's longest label. */
  label_length: number | null;
}

const SIMPLE: { [typname: string]: Partial<ColumnHint> } = {
  int2: { data_type: "bigint" },
  int4: { data_type: "bigint" },
  int8: { data_type: "bigint" },
  float4: { data_type: "double" },
  float8: { data_type: "double" },
  numeric: { data_type: "decimal" },
  text: { data_type: "text" },
  varchar: { data_type: "text" },
  bpchar: { data_type: "text" },
  char: { data_type: "text" },
  name: { data_type: "text" },
  citext: { data_type: "text" },
  uuid: { data_type: "text" },
  bool: { data_type: "bool" },
  timestamp: { data_type: "timestamp", timezone: false },
  timestamptz: { data_type: "timestamp", timezone: true },
  date: { data_type: "date" },
  time: { data_type: "time" },
  timetz: { data_type: "time" },
  json: { data_type: "json" },
  jsonb: { data_type: "json" },
  bytea: { data_type: "binary" },
};

/** SQLAlchemy's `ischema_names` of PostgreSQL: elements whose arrays it takes apart, next to enums and domains. */
const LISTED = new Set(
  [
    "bool bytea char name int8 int2 int4 text oid float4 float8 bpchar varchar date time timetz timestamp timestamptz",
    "interval numeric money uuid bit varbit cidr inet macaddr macaddr8 json jsonb regclass regconfig tsquery tsvector",
    "int4range int8range numrange daterange tsrange tstzrange citext hstore",
    "int4multirange int8multirange nummultirange datemultirange tsmultirange tstzmultirange",
  ].flatMap(line => line.split(" ")),
);

/** @param element of an array's elements: pg_type.typname and typtype */
export function isListed(element: { typname: string; typtype: string }): boolean {
  return element.typtype === "e" || element.typtype === "d" || LISTED.has(element.typname);
}

/** PostgreSQL adds 4 bytes of header to lengths and precisions in atttypmod. */
const TYPMOD_HEADER = 4;

/** Precision and scale of a numeric, or undefined when its type names none. */
export function numericLimits(typmod: number): { precision: number; scale: number } | undefined {
  if (typmod < TYPMOD_HEADER) return undefined;
  const packed = typmod - TYPMOD_HEADER;
  // 11 bits with sign: PostgreSQL 15 and later take negative scales
  const scale = ((packed & 0x7ff) ^ 1024) - 1024;
  return { precision: (packed >> 16) & 0xffff, scale };
}

function decimalHint(typmod: number): Partial<ColumnHint> {
  return { data_type: "decimal", ...numericLimits(typmod) };
}

function typeHint(column: ReflectedColumn, withPrecision: boolean): Partial<ColumnHint> {
  const { typname, typmod } = column;
  if (column.is_array) return { data_type: "json" };
  if (column.typtype === "e") {
    return withPrecision && column.label_length
      ? { data_type: "text", precision: column.label_length }
      : { data_type: "text" };
  }
  if (typname === "numeric") return decimalHint(typmod);
  const hint = SIMPLE[typname] ?? {};
  if (!withPrecision) return hint;
  if (typname === "int2") return { ...hint, precision: 32 };
  const hasLength = typname === "varchar" || typname === "bpchar";
  return hasLength && typmod > TYPMOD_HEADER ? { ...hint, precision: typmod - TYPMOD_HEADER } : hint;
}

/**
 * Undefined: no hint at all, the column is inferred from data (minimal: json and arrays, which are then split into
 * child tables). Types that dlt does not know (money, inet, interval, bit, ranges, domains, …) get no data_type.
 */
export function columnHint(column: ReflectedColumn, level: ReflectionLevel): ColumnHint | undefined {
  const base = { name: column.name, nullable: column.nullable };
  if (level === "minimal") {
    const isNested = column.is_array || column.typname === "json" || column.typname === "jsonb";
    return isNested ? undefined : base;
  }
  return { ...base, ...typeHint(column, level === "full_with_precision") };
}
