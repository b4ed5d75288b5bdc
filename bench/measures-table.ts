/** The table that benchmarks of SQL copy: 10 columns of as many types. */
export const createMeasures = (count: number) => [
  `CREATE TABLE measures (id int PRIMARY KEY, big bigint NOT NULL, title text, seen timestamptz NOT NULL,
     price numeric(12,2), flag boolean, ratio double precision, day date, code uuid, extra jsonb)`,
  `INSERT INTO measures SELECT i, i::bigint * 1000003, 'title of row ' || i,
     timestamptz '2024-01-01 00:00+00' + i * interval '1.5 second', nullif(i % 1000000, 7) / 100.0, i % 3 = 0,
     i / 7.0::float8, date '2020-01-01' + i % 2000, md5(i::text)::uuid, jsonb_build_object('a', i, 'b', 'x')
     FROM generate_series(1, ${count}) i`,
  "VACUUM ANALYZE measures",
];
