/** A plain query with named parameters and, where it has an incremental, its cursor range. Nothing is reflected. */
import { escapeIdentifier } from "pg";
import type { Value } from "../../json/values";
import type { IncrementalRange } from "../source";
import type { Statement } from "./connection";
import { bindText, cursorDirection, Parameters, rangeCondition } from "./incremental-clauses";
import { bindNames } from "./named-parameters";
import { RANGE_NAMES, usesRange } from "./range-names";

/** A comment at the end must not swallow what follows; a semicolon there ends nothing. */
function withoutEnd(query: string): string {
  return query.trim().replace(/;+$/, "");
}

/**
 * A query that names :start_value or :end_value filters on its own; any other is wrapped, with the range on its
 * result's column.
 */
export function queryStatement(
  query: string,
  params: { [name: string]: Value },
  range: IncrementalRange | undefined,
): Statement {
  const { text, names } = bindNames(withoutEnd(query));
  const given: { [name: string]: Value | undefined } = { ...params };
  for (const name of RANGE_NAMES) if (range) given[name] = range[name];
  const parameters = new Parameters(names.map(name => bindText(given[name] ?? null)));
  if (!range || usesRange(query)) return { text, values: parameters.values };
  const condition = rangeCondition(range, value => parameters.add(value));
  const direction = cursorDirection(range);
  if (!condition && !direction) return { text, values: parameters.values };
  const wrapped = [
    `SELECT * FROM (${text}\n) AS query`,
    ...(condition ? [`WHERE ${condition}`] : []),
    ...(direction ? [`ORDER BY ${escapeIdentifier(range.config.cursor_path)} ${direction}`] : []),
  ].join(" ");
  return { text: wrapped, values: parameters.values };
}
