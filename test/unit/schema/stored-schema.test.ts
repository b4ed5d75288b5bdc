import { createHash } from "node:crypto";
import { deflateSync } from "node:zlib";
import { TidemarkError } from "../../../src/pipeline/errors";
import { NestedRowIds, ROW_ID_LENGTH, rowDigest } from "../../../src/schema/hashing";
import {
  adoptSchema,
  completeStateTable,
  deserializeSchema,
  newSchema,
  serializeSchema,
} from "../../../src/schema/stored-schema";
import type { StoredSchema } from "../../../src/schema/types";
import { bumpVersion, schemaHash } from "../../../src/schema/version";

test("an empty schema hashes as in dlt", () => {
  expect(schemaHash(newSchema("shop"))).toBe("+pIb606/GDMWa6McSJVc8lGf1coluIOQm6OcjCp0Pyk=");
});

/** The id of a child row, as the compiled path makes it. */
function nestedRowId(parent: string, table: string, position: number): string {
  const ids = Buffer.from(parent.padEnd(2 * ROW_ID_LENGTH));
  const nested = new NestedRowIds(table, ids);
  nested.begin(0);
  nested.write(position, ROW_ID_LENGTH);
  return ids.toString("latin1", ROW_ID_LENGTH);
}

test("row ids: dlt's worked examples", () => {
  expect(nestedRowId("abcdefgh123456", "orders__lines", 3)).toBe("sdrqVyHGmvJ2OA");
  expect(rowDigest('{"id":7}')).toBe("tOt+W9JrzHx0eA");
  expect(rowDigest('{"a":"x","b":1}')).toBe("t8htE3Gr5XylGw");
  expect(rowDigest('{"city":"Gdańsk","id":1,"l":[1,{"a":2.5,"z":1}],"n":null}')).toBe("pnNO+/nXOgUGIA");
});

test("row ids of a list, with lists of other tables in between", () => {
  const ids = Buffer.alloc(3 * ROW_ID_LENGTH);
  ids.write("abcdefgh123456");
  const [outer, inner] = [new NestedRowIds("a", ids), new NestedRowIds("a__b", ids)];
  const at = (place: number) => ids.toString("latin1", place, place + ROW_ID_LENGTH);
  outer.begin(0);
  for (let i = 0; i < 120; i++) {
    outer.write(i, ROW_ID_LENGTH);
    const parent = at(ROW_ID_LENGTH);
    expect(parent).toBe(rowDigest(`abcdefgh123456_a_${i}`));
    inner.begin(ROW_ID_LENGTH);
    for (let k = 0; k < i % 12; k++) {
      inner.write(k, 2 * ROW_ID_LENGTH);
      expect(at(2 * ROW_ID_LENGTH)).toBe(rowDigest(`${parent}_a__b_${k}`));
    }
  }
});

test("our Keccak agrees with OpenSSL's for every length, and for names that are not ASCII", () => {
  for (let i = 0; i < 400; i++) {
    const [parent, table] = [
      String(i).padStart(ROW_ID_LENGTH, "p"),
      i % 50 === 0 ? `t٣${i}` : "t".repeat((i * 7) % 170),
    ];
    const expected = createHash("shake128", { outputLength: 10 })
      .update(`${parent}_${table}_${i}`)
      .digest("base64");
    expect(nestedRowId(parent, table, i)).toBe(expected.slice(0, 14));
  }
});

test("versions: the first hash raises nothing, each later change does, ten old hashes are kept", () => {
  const schema = newSchema("s");
  expect(bumpVersion(schema)).toBe(false);
  expect([schema.version, schema.previous_hashes]).toEqual([1, []]);
  expect(bumpVersion(schema)).toBe(false);
  const first = schema.version_hash;
  for (let i = 0; i < 12; i++) {
    schema.description = `change ${i}`;
    expect(bumpVersion(schema)).toBe(true);
  }
  expect(schema.version).toBe(13);
  expect(schema.previous_hashes).toHaveLength(10);
  expect(schema.previous_hashes).not.toContain(first);
});

test("the order of columns takes part in the hash", () => {
  const columns = {
    a: { name: "a", data_type: "text" as const },
    b: { name: "b", data_type: "text" as const },
  };
  const one = { ...newSchema("s"), tables: { t: { name: "t", columns } } };
  const other = { ...newSchema("s"), tables: { t: { name: "t", columns: { b: columns.b, a: columns.a } } } };
  expect(schemaHash(one)).not.toBe(schemaHash(other));
});

describe("stored text", () => {
  test("plain and compressed forms read back", () => {
    const schema = newSchema("s");
    completeStateTable(schema);
    bumpVersion(schema);
    expect(deserializeSchema(serializeSchema(schema))).toEqual(schema);
    const packed = serializeSchema(schema, 100);
    expect(packed).not.toContain("{");
    expect(deserializeSchema(packed)).toEqual(schema);
    expect(Object.keys(schema.tables._dlt_pipeline_state!.columns).at(-1)).toBe("_dlt_id");
  });

  test("missing names are filled in, and the hash stays", () => {
    const schema = newSchema("s");
    bumpVersion(schema);
    const bare = JSON.parse(JSON.stringify(schema)) as StoredSchema;
    for (const table of Object.values(bare.tables)) {
      for (const column of Object.values(table.columns)) delete (column as { name?: string }).name;
      delete (table as { name?: string }).name;
    }
    expect(schemaHash(adoptSchema(bare))).toBe(schema.version_hash);
  });

  test("a newer engine is refused, 9 and 10 are upgraded", () => {
    const refused = () => adoptSchema({ ...newSchema("s"), engine_version: 12 });
    expect(refused).toThrow(expect.objectContaining({ code: "ENGINE_TOO_OLD" }));
    const old = newSchema("s");
    old.engine_version = 9;
    old.tables.t = {
      name: "t",
      columns: {
        j: { name: "j", data_type: "complex" as "json" },
        _dlt_id: { name: "_dlt_id", data_type: "text", unique: true },
        gone: { name: "gone", "x-normalizer": { "seen-null-first": true } },
      },
    };
    const upgraded = adoptSchema(old);
    expect(upgraded.engine_version).toBe(11);
    expect(upgraded.normalizers.use_break_path_on_normalize).toBe(false);
    expect(upgraded.tables.t!.columns).toEqual({
      j: { name: "j", data_type: "json" },
      _dlt_id: { name: "_dlt_id", data_type: "text", unique: true, row_key: true },
    });
  });

  test("rubbish is a coded error", () => {
    for (const text of ["", "{", "[]", "{}", "abc", deflateSync("[1]").toString("base64")]) {
      expect(() => deserializeSchema(text)).toThrow(TidemarkError);
    }
  });
});
