import { readCredentials } from "../../../src/postgres-connection/credentials";
import { sqlError } from "../../../src/sources/sql/sql-errors";
import { postgresSource, sqlDatabaseSource } from "../../../src/sources/sql/sql-source";

test("a DSN in every spelling, and a dict of fields", () => {
  const expected = { user: "u@x", password: "p:/%", hosts: [{ host: "h", port: 5433 }], database: "d" };
  expect(readCredentials("postgresql+psycopg2://u%40x:p%3A%2F%25@h:5433/d")).toMatchObject(expected);
  expect(readCredentials("postgres://u%40x:p%3A%2F%25@h:5433/d?sslmode=disable")).toMatchObject(expected);
  expect(
    readCredentials({ username: "u@x", password: "p:/%", host: "h", port: "5433", database: "d" }),
  ).toMatchObject(expected);
  expect(readCredentials("postgresql://u@[::1]/d").hosts).toEqual([{ host: "::1", port: 5432 }]);
  expect(readCredentials("postgresql://u@h/d").tls.mode).toBe("prefer");
  expect(readCredentials("postgresql://u@h/d?connect_timeout=3").timeoutMs).toBe(3000);
});

test.each([
  "no dsn hunter2",
  "mysql://u:hunter2@h/d",
  `postgresql://u:${"hunter2"}@x/hunter2@h/d`,
  undefined,
])("what cannot be read is refused without a part of it: %#", credentials => {
  const attempt = () => readCredentials(credentials);
  expect(attempt).toThrow(expect.objectContaining({ code: "SQL_UNAUTHORIZED" }));
  expect(attempt).not.toThrow(/hunter2/);
});

test.each([
  [{ code: "28P01", message: "password authentication failed" }, "SQL_UNAUTHORIZED"],
  [{ code: "3D000", message: "no database" }, "SQL_UNAUTHORIZED"],
  [{ code: "57P01", message: "terminating" }, "SQL_CONNECTION"],
  [{ code: "53300", message: "too many" }, "SQL_CONNECTION"],
  [{ code: "40001", message: "conflict with recovery" }, "SQL_CONNECTION"],
  [{ code: "ECONNREFUSED", message: "connect" }, "SQL_CONNECTION"],
  [{ message: "Connection terminated unexpectedly" }, "SQL_CONNECTION"],
  [{ code: "42P01", message: 'relation "x" does not exist' }, "SQL_QUERY"],
])("%p is %s", (error, code) => {
  expect(sqlError(error, 'resource "r"')).toMatchObject({ code });
});

test("messages that may hold a value stay inside, and so does detail", () => {
  const bad = {
    code: "22P02",
    message: 'invalid input syntax for type integer: "hunter2"',
    detail: "hunter2",
  };
  const error = sqlError(bad, 'resource "r"');
  expect(error.code).toBe("SQL_QUERY");
  expect(error.message).not.toContain("hunter2");
});

test("all problems of a spec at once", () => {
  const spec = {
    type: "postgres",
    name: "x",
    credentials: { env: "DSN" },
    resources: [
      { name: "a", query: "SELECT * FROM t WHERE c > :start_vlue" },
      { name: "b", query: "SELECT * FROM t WHERE c > :start_value", incremental: { cursor_path: "c" } },
      { name: "a", query: "SELECT 1", incremental: { cursor_path: "c.d" } },
    ],
  };
  expect(postgresSource.check(spec as never).map(({ path, message }) => [path.join("."), message])).toEqual([
    ["resources.2.name", 'a resource "a" is there already'],
    [
      "resources.0.query",
      'unknown parameter "start_vlue"; did you mean "start_value"? Give its value in params.',
    ],
    ["resources.1.incremental.initial_value", expect.stringContaining("is missing")],
    ["resources.2.incremental.cursor_path", expect.stringContaining("plain column name")],
  ]);
  const database = {
    type: "sql_database",
    name: "x",
    credentials: { hots: "h" },
    table_names: ["orders"],
    backend: "pandas",
    resources: [{ name: "order" }],
  };
  expect(sqlDatabaseSource.check(database as never).map(({ path }) => path.join("."))).toEqual([
    "credentials.hots",
    "backend",
  ]);
});
