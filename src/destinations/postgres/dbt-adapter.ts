/** dbt on the same database: the profile's output `postgres`, by libpq's variables. */
import { passwordIn } from "../../postgres-connection/credential-files";
import type { DbtAdapter } from "../destination";
import { connectionOf, type PostgresDestination } from "./spec";

export const POSTGRES_DBT = {
  distribution: "dbt-postgres",
  venv: "dbt",
  setup: "npm run setup",
  environment(spec) {
    const settings = connectionOf(spec as PostgresDestination);
    const { hosts, user, database, passfile, tls } = settings;
    const { host, port } = hosts[0]!;
    const password =
      settings.password ??
      (passfile && passwordIn(passfile.path, passfile.given, { host, port, database, user }));
    return {
      PGHOST: host,
      PGPORT: String(port),
      PGUSER: user,
      PGPASSWORD: password ?? "",
      PGDATABASE: database,
      PGSSLMODE: tls.mode,
    };
  },
  database: spec => (spec as PostgresDestination).place.split("/").at(-1),
} satisfies DbtAdapter;
