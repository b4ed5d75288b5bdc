import { busy, holderText, lockHolder, sortError } from "../../../src/destinations/duckdb/errors";

const CONTEXT = { path: "/data/x.duckdb", doing: 'loading table "orders"' };

/** Messages as DuckDB 1.5.6 and Node wrote them, with a planted value. */
const CASES: [message: string, code: string, says: RegExp][] = [
  [
    'IO Error: Cannot open file "/data/x.duckdb": Permission denied',
    "DESTINATION_DENIED",
    /permission denied/,
  ],
  ["EACCES: permission denied, mkdir '/data'", "DESTINATION_DENIED", /permission denied/],
  ["EROFS: read-only file system, mkdir '/data'", "DESTINATION_DENIED", /read-only/],
  ['IO Error: Cannot open file "/data/x.duckdb": Read-only file system', "DESTINATION_DENIED", /read-only/],
  ['IO Error: Could not read from file "/data": Is a directory', "DESTINATION_DENIED", /folder/],
  [
    'IO Error: The file "x" exists, but it is not a valid DuckDB database file!',
    "DESTINATION_DENIED",
    /not a DuckDB/,
  ],
  ["IO Error: Corrupt database file: computed checksum 97 does not match", "DESTINATION_DENIED", /damaged/],
  [
    "IO Error: Trying to read a database file with version number 68, but we can only read versions between 64 and 67.",
    "DESTINATION_DENIED",
    /storage version 68/,
  ],
  ['IO Error: Could not write file "x.wal": No space left on device', "DISK_FULL", /no space/],
  ["ENOSPC: no space left on device, mkdir", "DISK_FULL", /no space/],
  ['IO Error: No files found that match the pattern "/p/SECRET.parquet"', "PACKAGE_LOST", /parquet/],
  ["Invalid Input Error: No magic bytes found at end of file '/p/SECRET.parquet'", "PACKAGE_LOST", /parquet/],
  ["Constraint Error: NOT NULL constraint failed: orders.id", "DESTINATION_REFUSED", /orders\.id/],
  [
    'Constraint Error: PRIMARY KEY or UNIQUE constraint violation: duplicate key "SECRET"',
    "DESTINATION_REFUSED",
    /UNIQUE/,
  ],
  [
    'Constraint Error: Duplicate key "id: SECRET" violates unique constraint.',
    "DESTINATION_REFUSED",
    /UNIQUE/,
  ],
  [
    "Conversion Error: Could not convert string 'SECRET' to INT64\n\nLINE 1: SECRET",
    "DESTINATION_REFUSED",
    /not fit/,
  ],
  [
    'Conversion Error: Malformed JSON at byte 0 of input:  Input: "SECRET{"',
    "DESTINATION_REFUSED",
    /not fit/,
  ],
  ["Catalog Error: Table with name orders does not exist!\nDid you mean", "DESTINATION_REFUSED", /orders/],
  ["Out of Memory Error: could not allocate block", "DESTINATION_REFUSED", /memory_limit/],
  ['Parser Error: syntax error at or near "SECRET"', "DESTINATION_REFUSED", /source_filter/],
  ['Binder Error: something about "SECRET"', "DESTINATION_REFUSED", /Binder Error/],
  ["INTERNAL Error: SECRET", "DESTINATION_REFUSED", /INTERNAL Error/],
];

describe("sorting DuckDB's errors", () => {
  it.each(CASES)("%s", (message, code, says) => {
    const sorted = sortError(new Error(message), CONTEXT);
    expect(sorted.code).toBe(code);
    expect(sorted.message).toMatch(says);
    expect(sorted.message).toContain("/data/x.duckdb");
    expect(sorted.message).not.toContain("SECRET");
    expect(sorted.cause).toBeUndefined();
  });

  it("finds who holds the lock", () => {
    const error = new Error(
      'IO Error: Could not set lock on file "/data/x.duckdb": Conflicting lock is held in /usr/bin/my tool (PID 4711). ' +
        "See also https://duckdb.org",
    );
    expect(lockHolder(error)).toEqual({ program: "/usr/bin/my tool", pid: "4711" });
    expect(lockHolder(new Error("IO Error: other"))).toBeUndefined();
    expect(busy(CONTEXT, { program: "/usr/bin/my tool", pid: "4711" }, 600)).toMatchObject({
      code: "DESTINATION_BUSY",
      kind: "transient",
      message: expect.stringMatching(/my tool \(process 4711\).*600 s/),
    });
  });

  // DuckDB's AdditionalProcessInfo, and the lock manager of a network's file system, which names process 0.
  it.each([
    [
      "held in /usr/bin/duckdb (PID 12) by user ann. However, you would be able",
      "/usr/bin/duckdb (process 12)",
    ],
    ["held in PID 12 by user root. See also", "process 12"],
    ["held in PID 0. See also", "a program that is not of this host or container"],
    ["", "a program that is not of this host or container"],
  ])("a lock that is %j", (lock, told) => {
    const why = lock === "" ? "Resource temporarily unavailable" : `Conflicting lock is ${lock}`;
    const error = new Error(`IO Error: Could not set lock on file "/data/x.duckdb": ${why}`);
    expect(holderText(lockHolder(error)!)).toBe(told);
  });

  it("leaves a sorted error as it is", () => {
    const sorted = sortError(new Error("IO Error"), CONTEXT);
    expect(sortError(sorted, { path: "other", doing: "other" })).toBe(sorted);
  });
});
