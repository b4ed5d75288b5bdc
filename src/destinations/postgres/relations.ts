/** Tables and views as the catalog has them: what must not be lost when another takes their place. */
import type { PostgresDatabase } from "./database";

export interface Named {
  schema: string;
  name: string;
}

export interface Grant {
  /** null: PUBLIC. */
  role: string | null;
  privilege: string;
  grantable: boolean;
  /** null: of the whole. */
  column: string | null;
}

export interface Relation extends Named {
  oid: string;
  /** r table, p partitioned, v view, m materialized view, f foreign table, … */
  kind: string;
  owner: string;
  options: string[];
  row_security: boolean;
  columns: { name: string; type: string }[];
  /** To others than the owner. */
  grants: Grant[];
  /** By column, "" being the relation itself. */
  comments: { [column: string]: string };
}

export const keyOf = ({ schema, name }: Named): string => `${schema}\0${name}`;

const RELATIONS = `
SELECT n.nspname AS schema, c.relname AS name, c.oid::text AS oid, c.relkind AS kind,
  pg_get_userbyid(c.relowner) AS owner, to_json(coalesce(c.reloptions, '{}')) AS options, c.relrowsecurity AS row_security,
  (SELECT coalesce(json_agg(json_build_object('name', a.attname,
       'type', a.atttypid || ' ' || a.atttypmod || ' ' || a.attcollation) ORDER BY a.attnum), '[]')
     FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
  (SELECT coalesce(json_agg(json_build_object('role', CASE WHEN x.grantee = 0 THEN NULL ELSE pg_get_userbyid(x.grantee) END,
       'privilege', x.privilege_type, 'grantable', x.is_grantable, 'column', g.of)), '[]')
     FROM (SELECT c.relacl AS acl, NULL::name AS of
           UNION ALL SELECT a.attacl, a.attname FROM pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attacl IS NOT NULL) g,
       aclexplode(g.acl) x WHERE x.grantee <> c.relowner) AS grants,
  (SELECT coalesce(json_object_agg(coalesce(a.attname, ''), d.description), '{}')
     FROM pg_description d LEFT JOIN pg_attribute a ON a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
     WHERE d.classoid = 'pg_class'::regclass AND d.objoid = c.oid) AS comments
FROM json_to_recordset($1) AS wanted(schema text, name text)
JOIN pg_namespace n ON n.nspname = wanted.schema
JOIN pg_class c ON c.relnamespace = n.oid AND c.relname = wanted.name`;

/** Those that are there, by keyOf. */
export async function relationsOf(
  db: PostgresDatabase,
  names: readonly Named[],
): Promise<Map<string, Relation>> {
  const wanted = names.map(({ schema, name }) => ({ schema, name }));
  const rows = await db.rows(RELATIONS, [JSON.stringify(wanted)], "looking at what is live");
  const parsed = rows.map(
    row =>
      ({
        ...row,
        options: JSON.parse(String(row.options)),
        columns: JSON.parse(String(row.columns)),
        grants: JSON.parse(String(row.grants)),
        comments: JSON.parse(String(row.comments)),
      }) as unknown as Relation,
  );
  return new Map(parsed.map(relation => [keyOf(relation), relation]));
}

const DEPENDENTS = `
WITH gone AS (SELECT json_array_elements_text($1)::oid AS oid)
SELECT DISTINCT n.nspname || '.' || v.relname AS name FROM pg_class v JOIN pg_namespace n ON n.oid = v.relnamespace
WHERE v.oid NOT IN (SELECT oid FROM gone) AND v.oid IN (
  SELECT w.ev_class FROM pg_depend d JOIN pg_rewrite w ON w.oid = d.objid
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid IN (SELECT oid FROM gone)
  UNION ALL SELECT conrelid FROM pg_constraint WHERE contype = 'f' AND confrelid IN (SELECT oid FROM gone))
ORDER BY 1`;

/** Views and foreign keys of others that need these. */
export async function dependentsOf(db: PostgresDatabase, gone: readonly Relation[]): Promise<string[]> {
  if (gone.length === 0) return [];
  const rows = await db.rows(DEPENDENTS, [JSON.stringify(gone.map(({ oid }) => oid))], "publishing");
  return rows.map(({ name }) => String(name));
}

const HOLDER = `
SELECT l.pid, a.usename AS role, a.application_name AS program, n.nspname || '.' || c.relname AS name,
  extract(epoch FROM now() - a.xact_start)::int AS seconds
FROM pg_locks l JOIN pg_class c ON c.oid = l.relation JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_database b ON b.oid = l.database AND b.datname = current_database()
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
JOIN json_to_recordset($1) AS wanted(schema text, name text) ON wanted.schema = n.nspname AND wanted.name = c.relname
WHERE l.granted AND l.pid <> pg_backend_pid()
ORDER BY a.xact_start NULLS LAST LIMIT 1`;

/** Who has held one of these for longest, for people; roles without pg_read_all_stats are not told for how long. */
export async function holderOf(db: PostgresDatabase, names: readonly Named[]): Promise<string | undefined> {
  const wanted = names.map(({ schema, name }) => ({ schema, name }));
  const [found] = await db.rows(HOLDER, [JSON.stringify(wanted)]);
  if (found === undefined) return undefined;
  const { pid, role, program, name, seconds } = found;
  const who = [`process ${pid}`, role && `role ${role}`, program].filter(Boolean).join(", ");
  return `a transaction that reads ${name} (${who}${seconds === null ? "" : `, for ${seconds} s`})`;
}
