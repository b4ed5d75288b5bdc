import { bindNames } from "../../../src/sources/sql/named-parameters";

test.each([
  ["SELECT 1", "SELECT 1", []],
  ["WHERE a >= :start_value AND b < :end_value", "WHERE a >= $1 AND b < $2", ["start_value", "end_value"]],
  ["(:x IS NULL OR a = :x AND b = :x)", "(CAST($1 AS text) IS NULL OR a = $2 AND b = $2)", ["x", "x"]],
  ["a::text = :x::text", "a::text = $1::text", ["x"]],
  ["a=':x' AND b=:x", "a=':x' AND b=$1", ["x"]],
  ["'it''s :no' || :x", "'it''s :no' || $1", ["x"]],
  ["E'\\' :no' || :x", "E'\\' :no' || $1", ["x"]],
  // no backslash escapes in a plain string, nor after a name that ends in e
  ["'\\' || :x || 'a'", "'\\' || $1 || 'a'", ["x"]],
  ["date'2026-01-01' < :x", "date'2026-01-01' < $1", ["x"]],
  ['":no" = :x', '":no" = $1', ["x"]],
  ["-- :no\n:x", "-- :no\n$1", ["x"]],
  ["/* :no /* :no */ :no */ :x", "/* :no /* :no */ :no */ $1", ["x"]],
  ["$$ :no $$ || $q$ :no $$ :no $q$ || :x", "$$ :no $$ || $q$ :no $$ :no $q$ || $1", ["x"]],
  ["a[1:n] = :x", "a[1:n] = $1", ["x"]],
  ["t$e$ = :x", "t$e$ = $1", ["x"]],
  ["naïve:no", "naïve:no", []],
  ["'never closed :no", "'never closed :no", ["no"]],
])("%s", (query, text, names) => {
  const bound = bindNames(query);
  expect(bound.names).toEqual(names);
  if (!query.startsWith("'never")) expect(bound.text).toBe(text);
});
