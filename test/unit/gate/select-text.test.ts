import { fillSchemas, selectProblem } from "../../../src/pipeline/select-text";

describe("a metric's SELECT, by its tokens", () => {
  test.each([
    "SELECT count(*) FROM {{ raw }}.issues",
    "select 1;",
    "(SELECT 1) -- done; really",
    "WITH a AS (SELECT 1 AS delete_me) SELECT sum(a.update) FROM a",
    "SELECT count(*) FROM t WHERE note = 'DROP TABLE x; --' AND \"insert\" = 'it''s' AND `delete` > 0",
    "SELECT replace(x, 'a', 'b'), truncate(y) FROM {{analytics}}.t /* one; two */ ;",
    "SELECT '^\\d+$' FROM t",
  ])("takes %s", sql => {
    expect(selectProblem(sql)).toBeUndefined();
  });

  test.each([
    ["", /no statement/],
    ["-- nothing", /no statement/],
    ["DROP TABLE x", /line 1:1: must be a SELECT.*begins with "DROP"/],
    ["SELECT 1;\nDROP TABLE x", /line 1:9: must be one statement/],
    ["WITH a AS (SELECT 1) DELETE FROM t", /line 1:22: DELETE writes/],
    ["WITH a AS (UPDATE t SET x = 1 RETURNING x) SELECT * FROM a", /UPDATE writes/],
    ["SELECT 1 INTO t", /INTO writes/],
    [
      "SELECT count(*)\nFROM {{ row }}.t",
      /line 2:6: \{\{ row \}\} is not known; valid: \{\{ raw \}\}, \{\{ analytics \}\}/,
    ],
    ["SELECT 'open", /a text is not closed/],
    ["SELECT /* open", /a comment is not closed/],
    ["SELECT (1", /bracket is not closed/],
    ["SELECT 1) AS m(v) FROM (SELECT 1", /bracket was never opened/],
    ["SELECT '\\'' ; DROP TABLE x; --'", /backslash before a quote/],
    ["SELECT $$'$$ ; DROP TABLE x; --'", /dollars/],
    ["SELECT 1 -- \rSELECT 2; DROP TABLE x", /one statement/],
  ])("refuses %j", (sql, why) => {
    expect(selectProblem(sql)).toMatch(why);
  });

  test("names are filled in quoted, and a last semicolon goes", () => {
    const names = { raw: '"c"."r$&"', analytics: '"a"' };
    expect(fillSchemas("SELECT 1 FROM {{raw}}.t, {{ analytics }}.u ; -- end", names)).toBe(
      'SELECT 1 FROM "c"."r$&".t, "a".u ',
    );
  });
});
