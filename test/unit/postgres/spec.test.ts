import { loadConfig } from "../../../src/config";
import { POSTGRES_DBT } from "../../../src/destinations/postgres/dbt-adapter";
import { checkEnvironment } from "../../../src/destinations/postgres/doctor";
import { sortError, stateOf } from "../../../src/destinations/postgres/errors";
import {
  connectionOf,
  type PostgresDestination,
  resolvePostgres,
} from "../../../src/destinations/postgres/spec";
import type { JsonObject } from "../../../src/pipeline/spec";
import { checkSpec } from "../../../src/spec/check-spec";
import { withDestinationSecrets } from "../../../src/spec/open-source";
import { resolveSpec } from "../../../src/spec/resolve-spec";

const DSN = `postgresql://loader:${"planted-pw"}@DB.internal:6000/warehouse`;
const around = (env: { [name: string]: string }) => ({ env, cwd: "/nowhere", home: "/nowhere" });
const document = (destination: JsonObject | string): JsonObject => ({
  pipeline_name: "p",
  destination,
  source: { type: "rest_api", client: { base_url: "http://localhost" }, resources: ["a"] },
});
const resolve = (destination: JsonObject | string, env: { [name: string]: string }, file?: string) =>
  resolveSpec({ document: document(destination), file }, {}, loadConfig("/nowhere", { ...env }));

describe("a PostgreSQL destination", () => {
  it.each([
    ["DESTINATION__POSTGRES__CREDENTIALS", "dlt's own name"],
    ["DESTINATION__CREDENTIALS", "without the destination"],
    ["CREDENTIALS", "bare"],
  ])("takes a DSN from %s (%s) by reference; the place is told, the password is not", variable => {
    const { destination } = resolve("postgres", { [variable]: DSN });
    expect(destination).toMatchObject({
      type: "postgres",
      credentials: { env: variable },
      place: "db.internal:6000/warehouse",
      create_indexes: true,
      max_identifier_length: 63,
    });
    expect(JSON.stringify(destination)).not.toContain("planted-pw");
    const opened = withDestinationSecrets(destination, loadConfig("/nowhere", { [variable]: DSN }));
    expect(opened.secrets).toContain("planted-pw");
    expect(connectionOf(opened.destination as PostgresDestination)).toMatchObject({
      hosts: [{ host: "DB.internal", port: 6000 }],
      user: "loader",
      password: "planted-pw",
      database: "warehouse",
    });
  });

  it("takes dlt's fields, and libpq's variables for what they leave out", () => {
    const env = {
      DESTINATION__POSTGRES__CREDENTIALS__HOST: "h",
      DESTINATION__POSTGRES__CREDENTIALS__PASSWORD: "planted-pw",
      DESTINATION__POSTGRES__CREDENTIALS__DATABASE: "d",
      PGPORT: "6001",
      PGUSER: "u",
      PGSSLMODE: "disable",
    };
    const { destination } = resolve("postgres", env);
    expect(destination).toMatchObject({
      credentials: {
        host: "h",
        password: { env: "DESTINATION__POSTGRES__CREDENTIALS__PASSWORD" },
        database: "d",
      },
      place: "h:6001/d",
    });
    expect(JSON.stringify(destination)).not.toContain("planted-pw");
    const { destination: opened } = withDestinationSecrets(destination, loadConfig("/nowhere", { ...env }));
    expect(POSTGRES_DBT.environment(opened)).toEqual({
      PGHOST: "h",
      PGPORT: "6001",
      PGUSER: "u",
      PGPASSWORD: "planted-pw",
      PGDATABASE: "d",
      PGSSLMODE: "disable",
    });
    expect(POSTGRES_DBT.database(opened)).toBe("d");
  });

  it("is whole from libpq's variables alone, and says what to set where there are none", () => {
    const env = { PGHOST: "h", PGDATABASE: "d", PGUSER: "u", PGPASSWORD: "planted-pw" };
    const { destination } = resolve("postgres", env);
    expect(destination).toMatchObject({ place: "h:5432/d", password: { env: "PGPASSWORD" } });
    expect(JSON.stringify(destination)).not.toContain("planted-pw");
    expect(() => resolve("postgres", {})).toThrow(/DESTINATION__POSTGRES__CREDENTIALS.*PGHOST/);
    expect(checkEnvironment(around(env))).toEqual({ ok: true, detail: "postgres, h:5432/d" });
    expect(checkEnvironment(around({})).ok).toBe(false);
  });

  it("leaves credentials of another destination alone", () => {
    const env = { CREDENTIALS: "duckdb:///x.duckdb", PGHOST: "h", PGDATABASE: "d", PGUSER: "u" };
    expect(resolve("postgres", env).destination).toMatchObject({ place: "h:5432/d" });
    expect(resolve("postgres", env).destination).not.toHaveProperty("credentials");
  });

  it("refuses literals inline, and points into a file that holds one", () => {
    for (const credentials of [DSN, { host: "h", password: "planted-pw" }]) {
      const given = { type: "postgres", credentials };
      expect(() => resolve(given, {})).toThrow(
        expect.objectContaining({
          code: "SPEC_HOLDS_SECRET",
          message: expect.not.stringContaining("planted-pw"),
        }),
      );
      const { destination } = resolve(given, {}, "/p/x.json");
      expect(JSON.stringify(destination)).not.toContain("planted-pw");
      expect(JSON.stringify(destination)).toContain('"file":"/p/x.json"');
    }
  });

  it("knows its options, and names the nearest one", () => {
    expect(checkSpec(document({ type: "postgres", create_indexs: true }))).toEqual([
      {
        path: ["destination", "create_indexs"],
        message: expect.stringContaining('"create_indexes"'),
      },
    ]);
    expect(
      resolvePostgres({ type: "postgres", max_identifier_length: 30 }, around({ PGHOST: "h" }), undefined),
    ).toMatchObject({ max_identifier_length: 30 });
  });
});

describe("errors", () => {
  it.each([
    [{ code: "40P01", message: "deadlock detected" }, "DESTINATION_UNAVAILABLE"],
    [{ code: "53300", message: "too many connections" }, "DESTINATION_UNAVAILABLE"],
    [{ code: "ECONNRESET", message: "read ECONNRESET" }, "DESTINATION_UNAVAILABLE"],
    [{ code: "42501", message: "permission denied for database d" }, "DESTINATION_DENIED"],
    [{ code: "28P01", message: "password authentication failed" }, "DESTINATION_DENIED"],
    [{ code: "42P01", message: 'relation "x" does not exist' }, "DESTINATION_REFUSED"],
  ])("%j is %s", (error, code) => {
    expect(sortError(error, "h:5432/d", "loading").code).toBe(code);
  });

  it("quotes no value of a row", () => {
    const values = {
      code: "22P02",
      message: 'invalid input syntax for type bigint: "planted"',
      where: 'COPY items, line 3, column price: "planted"',
      detail: "planted",
    };
    const { message } = sortError(values, "h:5432/d", 'loading table "items"');
    expect(message).toContain('column "price"');
    expect(message).not.toContain("planted");
    const twice = {
      code: "23505",
      constraint: "items__dlt_id_key",
      detail: "Key (a)=(planted) already exists.",
    };
    expect(sortError(twice, "p", "d").message).toContain("items__dlt_id_key");
    expect(sortError(twice, "p", "d").message).not.toContain("planted");
    expect(stateOf({ code: "EPIPE" })).toBeUndefined();
  });
});
