import {
  DatabricksError,
  isMissing,
  isStagedFileGone,
  sortError,
} from "../../../src/destinations/databricks/errors";

const context = { where: "host/path", doing: 'loading table "orders"' };
const sort = (error: unknown): DatabricksError => sortError(error, context) as DatabricksError;

describe("errors of Databricks", () => {
  it.each([
    // a vendor's text, code, kind, what may be repeated, what the message tells
    [
      "[DELTA_CONCURRENT_APPEND] ConcurrentAppendException: files were added",
      "DESTINATION_UNAVAILABLE",
      "conflict",
      /another writer/,
    ],
    [
      "[USER_RAISED_EXCEPTION] tidemark: load superseded SQLSTATE: P0001",
      "LOAD_SUPERSEDED",
      undefined,
      /another run or engine/,
    ],
    // what somebody else's function raises is no fence
    ["[USER_RAISED_EXCEPTION] no SQLSTATE: P0001", "DESTINATION_REFUSED", undefined, /refused/],
    ["Invalid SessionHandle", "DESTINATION_UNAVAILABLE", "session", /session expired/],
    [
      "TEMPORARILY_UNAVAILABLE: the warehouse is starting",
      "DESTINATION_UNAVAILABLE",
      "connection",
      /not ready/,
    ],
    ["connect ECONNREFUSED 127.0.0.1:1", "DESTINATION_UNAVAILABLE", "connection", /ECONNREFUSED/],
    ["getaddrinfo ENOTFOUND nowhere", "DESTINATION_DENIED", undefined, /server_hostname/],
    ["self-signed certificate in certificate chain", "DESTINATION_DENIED", undefined, /ca_file/],
    [
      "[NO_SUCH_CATALOG_EXCEPTION] Catalog 'x' was not found. SQLSTATE: 42704",
      "DESTINATION_DENIED",
      undefined,
      /DATABRICKS_CATALOG/,
    ],
    [
      "[INSUFFICIENT_PERMISSIONS] User does not have MODIFY on Table `a`. SQLSTATE: 42501",
      "DESTINATION_DENIED",
      undefined,
      /privilege/,
    ],
    [
      "[UC_VOLUME_NOT_FOUND] Volume `a`.`b`.`c` does not exist",
      "DESTINATION_UNAVAILABLE",
      undefined,
      /staged again/,
    ],
    [
      "[TABLE_OR_VIEW_NOT_FOUND] The table or view `main`.`ds`.`t` cannot be found.",
      "DESTINATION_REFUSED",
      undefined,
      /`main`\.`ds`\.`t`/,
    ],
    [
      "[DELTA_MULTIPLE_SOURCE_ROW_MATCHING_TARGET_ROW_IN_MERGE] Cannot perform Merge",
      "DESTINATION_REFUSED",
      undefined,
      /primary key/,
    ],
    ["[PARSE_SYNTAX_ERROR] Syntax error at or near 'x'", "DESTINATION_REFUSED", undefined, /source_filter/],
    [
      "[DATA_SOURCE_NOT_FOUND] Failed to find the data source: ICEBERG",
      "DESTINATION_UNSUPPORTED",
      undefined,
      /table_format/,
    ],
  ] as const)("sorts %j", (text, code, repeat, tells) => {
    const sorted = sort(new Error(text));
    expect(sorted).toBeInstanceOf(DatabricksError);
    expect({ code: sorted.code, repeat: sorted.repeat }).toEqual({ code, repeat });
    expect(sorted.message).toMatch(tells);
    expect(sorted.message).toContain('host/path, loading table "orders"');
  });

  it.each([
    '[CAST_INVALID_INPUT] The value \'secret-value\' of the type "STRING" cannot be cast to "BIGINT". SQLSTATE: 22018',
    "[DELTA_VIOLATE_CONSTRAINT_WITH_VALUES] CHECK constraint positive (id > 0) violated by row with values: - id : secret-value",
    "[SOMETHING_NEW] about secret-value SQLSTATE: 99999",
    "no class at all, secret-value",
  ])("passes no value of a row on: %j", text => {
    const sorted = sort(new Error(text));
    expect(sorted.message).not.toContain("secret-value");
    expect(sorted.cause).toBeUndefined();
    expect(sorted.code).toBe("DESTINATION_REFUSED");
  });

  it("does not take what users call their things for what happened on the way", () => {
    for (const text of [
      "[DELTA_NOT_NULL_CONSTRAINT_VIOLATED] NOT NULL constraint violated for column: timeout.",
      "[CAST_INVALID_INPUT] The value 'timed out' cannot be cast",
      "[TABLE_OR_VIEW_NOT_FOUND] The table or view `main`.`timeout`.`cert_401` cannot be found.",
    ]) {
      expect(sort(new Error(text))).toMatchObject({ code: "DESTINATION_REFUSED", repeat: undefined });
    }
    expect(sort(new Error("[TEMPORARILY_UNAVAILABLE] not now")).repeat).toBe("connection");
  });

  it("takes the status of a failed HTTP call", () => {
    expect(sort({ message: "x", statusCode: 403 }).code).toBe("DESTINATION_DENIED");
    expect(sort({ message: "x", statusCode: 404 }).message).toMatch(/http_path/);
    expect(sort({ message: "x", payload: { response: { status: 503 } } })).toMatchObject({
      repeat: "connection",
    });
  });

  it("tells what is missing from what is broken", () => {
    expect(isMissing(sort(new Error("[SCHEMA_NOT_FOUND] The schema `a` cannot be found")))).toBe(true);
    expect(isMissing(sort(new Error("[PATH_NOT_FOUND] Path does not exist")))).toBe(false);
    expect(isStagedFileGone(sort(new Error("[PATH_NOT_FOUND] Path does not exist")))).toBe(true);
  });
});
