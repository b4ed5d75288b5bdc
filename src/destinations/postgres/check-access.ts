/** What a load needs of the server, tried without a change. */
import type { AccessFinding, OpenDestinationOptions } from "../destination";
import { openDatabase } from "./database";
import type { PostgresDestination } from "./spec";

/** MERGE came with it. */
const LEAST_VERSION = 15;

/** @throws TidemarkError DESTINATION_DENIED, DESTINATION_UNAVAILABLE */
export async function checkAccess(
  spec: PostgresDestination,
  options: OpenDestinationOptions,
): Promise<AccessFinding[]> {
  await using db = await openDatabase(spec, { ...options, readOnly: true });
  const [found] = await db.rows(
    "SELECT current_setting('server_version_num')::int / 10000 AS version, current_user AS role, " +
      "has_database_privilege(current_database(), 'CREATE') AS may_create, " +
      "has_database_privilege(current_database(), 'TEMPORARY') AS may_stage",
  );
  const version = Number(found?.version);
  const role = String(found?.role);
  return [
    { what: "connection", ok: true, detail: `${spec.place} as ${role}` },
    {
      what: "version",
      ok: version >= LEAST_VERSION,
      detail:
        version >= LEAST_VERSION
          ? `PostgreSQL ${version}`
          : `PostgreSQL ${version}: ${LEAST_VERSION} or newer is needed`,
    },
    {
      what: "rights",
      ok: found?.may_create === true && found?.may_stage === true,
      detail: `CREATE and TEMPORARY on the database ${found?.may_create === true && found?.may_stage === true ? "are granted" : `are needed: GRANT CREATE, TEMPORARY ON DATABASE … TO ${role}`}`,
    },
  ];
}
