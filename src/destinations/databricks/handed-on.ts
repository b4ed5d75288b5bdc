/**
 * What dbt gave the objects of a generation, its grants and its comment, passes over to the views that readers see; what
 * people gave a view stays. Comments of columns come with the columns.
 */
import type { PublishedObject } from "../generations";
import type { ResultRow, Warehouse } from "./client";
import { inParallel } from "./parallel";
import { ifThere } from "./restore";
import { type Place, qualifiedDataset, qualifiedTable, quoteName, quoteText } from "./sql-text";

/** All that a view can have of a table's. */
const OF_A_VIEW = ["SELECT", "ALL PRIVILEGES", "MANAGE", "APPLY TAG"];
/** Granted on something above: a view has it from there too. */
const FROM_ABOVE = ["SCHEMA", "CATALOG", "METASTORE"];
const TOGETHER = 8;

export type Named = Pick<PublishedObject, "schema" | "name">;

export interface Handing {
  view: Named;
  /** What it shows now, and what it showed before. */
  built: Named;
  before: Named | undefined;
}

interface Given {
  /** `privilege\0principal`. */
  grants: Set<string>;
  comment: string;
}

/** Unity Catalog compares names without their case. */
export const keyOf = ({ schema, name }: Named): string => `${schema.toLowerCase()}\0${name.toLowerCase()}`;

/** Each statement may be repeated. @throws TidemarkError DESTINATION_DENIED without MANAGE on a view of somebody else */
export async function handOn(db: Warehouse, catalog: string, handings: readonly Handing[]): Promise<void> {
  if (handings.length === 0) return;
  const all = handings.flatMap(({ view, built, before }) => [view, built, ...(before ? [before] : [])]);
  const given = await read(db, catalog, [...new Set(all.map(({ schema }) => schema.toLowerCase()))]);
  await inParallel(handings, TOGETHER, async ({ view, built, before }) => {
    const at = qualifiedTable({ catalog, dataset: view.schema }, view.name);
    const of = (one: Named | undefined) => one && given.get(keyOf(one));
    const [has, wanted, was] = [of(view), of(built), of(before)];
    const doing = `handing on what dbt gave ${view.schema}.${view.name}`;
    const grants = [...(wanted?.grants ?? [])].filter(grant => !has?.grants.has(grant));
    // what dbt had granted and grants no more
    const gone = [...(was?.grants ?? [])].filter(
      grant => has?.grants.has(grant) && !wanted?.grants.has(grant),
    );
    for (const [privilege, principal] of grants.map(split))
      await db.run(`GRANT ${privilege} ON TABLE ${at} TO ${quoteName(principal)}`, doing);
    for (const [privilege, principal] of gone.map(split))
      await db.run(`REVOKE ${privilege} ON TABLE ${at} FROM ${quoteName(principal)}`, doing);
    if (wanted !== undefined && wanted.comment !== "" && wanted.comment !== has?.comment)
      await db.run(`COMMENT ON VIEW ${at} IS ${quoteText(wanted.comment)}`, doing);
  });
}

const split = (grant: string) => grant.split("\0") as [string, string];

async function read(db: Warehouse, catalog: string, schemas: readonly string[]): Promise<Map<string, Given>> {
  const place: Place = { catalog, dataset: "information_schema" };
  const of = `table_schema IN (${schemas.map(quoteText).join(", ")})`;
  const doing = "looking at what generations were given";
  const [objects, privileges] = await Promise.all([
    db.run(
      `SELECT table_schema AS schema, table_name AS name, comment FROM ${qualifiedDataset(place)}.tables WHERE ${of}`,
      doing,
    ),
    // a metastore without Unity Catalog has no such view
    ifThere(
      db.run(
        `SELECT table_schema AS schema, table_name AS name, grantee, privilege_type AS privilege FROM ${qualifiedDataset(place)}.table_privileges WHERE ${of} AND coalesce(upper(inherited_from), '') NOT IN (${FROM_ABOVE.map(quoteText).join(", ")})`,
        doing,
      ),
    ),
  ]);
  const named = (row: ResultRow) => keyOf({ schema: String(row.schema), name: String(row.name) });
  const found = new Map<string, Given>();
  for (const row of objects) found.set(named(row), { grants: new Set(), comment: String(row.comment ?? "") });
  for (const row of privileges ?? []) {
    const privilege = String(row.privilege).replaceAll("_", " ").toUpperCase();
    if (OF_A_VIEW.includes(privilege)) found.get(named(row))?.grants.add(`${privilege}\0${row.grantee}`);
  }
  return found;
}
