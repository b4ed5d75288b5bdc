import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sqlError, wasCutShort } from "../../../src/sources/sql/sql-errors";
import { CLASSES, printStates, STATES, wordsFor } from "../../../src/sources/sql/sql-states";

/** PostgreSQL 15 to 18, appendix "Error Codes": the classes of errors. 0x and others belong to statements that write. */
const OF_READERS =
  "03 08 0A 20 21 22 23 24 25 26 28 2F 34 38 39 3B 3D 3F 40 42 44 53 54 55 57 58 72 F0 HV P0 XX".split(" ");

test("every class that a reader can meet has words, and the page prints them", () => {
  expect(Object.keys(CLASSES).sort()).toEqual([...OF_READERS].sort());
  for (const state of Object.keys(STATES)) expect(OF_READERS).toContain(state.slice(0, 2));
  const page = readFileSync(join(__dirname, "../../../docs/sql-sources.md"), "utf8");
  expect(page).toContain(printStates());
});

test.each(OF_READERS)("class %s: what the server did, and what to do", class_ => {
  const words = wordsFor(`${class_}999`);
  expect(words.advice.length).toBeGreaterThan(10);
  const secret = {
    code: `${class_}999`,
    message: 'bad value "hunter2"',
    detail: "hunter2",
    severity: "ERROR",
  };
  const { message } = sqlError(secret, 'resource "r"');
  expect(message).toContain(`${class_}999`);
  expect(message.includes("hunter2")).toBe(words.isSafe);
  // without the server's words there are ours
  if (!words.isSafe) expect(words.means).toBeDefined();
});

test("classes whose messages may hold values of rows keep them inside", () => {
  for (const class_ of ["22", "23", "38", "39", "P0", "XX", "HV"])
    expect(CLASSES[class_]!.isSafe).toBe(false);
});

test("a limit is told as it was set", () => {
  const cut = { code: "57014", message: "canceling statement due to statement timeout" };
  expect(sqlError(cut, 'resource "r"', { statementMs: 2500 }).message).toContain(
    "statement_timeout is 2.5 s",
  );
  expect(sqlError(cut, 'resource "r"', { statementMs: 0 }).message).not.toContain("session's");
});

test.each([
  ["08P01", "unsupported startup parameter: options", "SQL_SETTINGS", /ALTER ROLE/],
  ["08P01", "unsupported startup parameter in options: statement_timeout", "SQL_SETTINGS", /ALTER ROLE/],
  ["08P01", "no such database: shop", "SQL_UNAUTHORIZED", /database/],
  ["08P01", "no such user", "SQL_UNAUTHORIZED", /user/],
  ["08P01", "SASL authentication failed", "SQL_UNAUTHORIZED", /password/],
  ["08P01", 'role "shop" does not exist', "SQL_UNAUTHORIZED", /behind the pooler/],
  ["08P01", "idle transaction timeout", "SQL_CONNECTION", /idle_transaction_timeout/],
  [
    "08P01",
    "server login has been failing, try again later (server_login_retry)",
    "SQL_CONNECTION",
    /repeated/,
  ],
  ["XX000", "Tenant or user not found", "SQL_UNAUTHORIZED", /reader\.project/],
  [
    "XX000",
    "MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size",
    "SQL_CONNECTION",
    /no place left/,
  ],
])("a pooler's %s: %s", (state, message, code, advice) => {
  const error = sqlError({ code: state, message }, 'resource "r"');
  expect(error).toMatchObject({ code, message: expect.stringMatching(advice) });
  expect(error.message).toContain(message);
});

test("what a pooler cuts short may pass in shorter statements, what it refuses may not", () => {
  const isCut = (message: string) => wasCutShort(sqlError({ code: "08P01", message }, 'resource "r"'));
  expect(["query timeout", "idle transaction timeout"].map(isCut)).toEqual([true, true]);
  expect(["query_wait_timeout", "no such user", "server conn crashed?"].map(isCut)).toEqual([
    false,
    false,
    false,
  ]);
});
