import { addColumns, createTable, foreignKeys } from "../../../src/destinations/databricks/sql-ddl";
import { copyInto } from "../../../src/destinations/databricks/sql-staged";
import {
  createStagingTable,
  stagedColumns,
  stagingTable,
  writeBatch,
} from "../../../src/destinations/databricks/sql-staging-table";
import { insertLoad } from "../../../src/destinations/databricks/sql-system";
import { quoteName, quoteText, timestamp } from "../../../src/destinations/databricks/sql-text";
import {
  pipelineFolder,
  segment,
  stagedGroups,
  volumeOf,
} from "../../../src/destinations/databricks/staged-paths";
import type { LoadPlan, PackageFile } from "../../../src/destinations/destination";
import { completeColumns } from "../../../src/destinations/table-chains";
import { rootTable, storedSchema } from "../../support/stored-schema";

const place = { catalog: "main", dataset: "ds" };
const options = { create_indexes: false };

function planOf(files: PackageFile[], more: Partial<LoadPlan> = {}): LoadPlan {
  return {
    load_id: "1700000001.25",
    pipeline_name: "p",
    dataset: "ds",
    staging_dataset: "ds_staging",
    schema: storedSchema([rootTable("t", { id: "bigint" })]),
    files,
    roots: ["t"],
    created_at: "2026-01-01T00:00:00.000000Z",
    ...more,
  };
}

const file = (path: string, columns: string[], table = "t"): PackageFile => ({
  table,
  path,
  rows: 1,
  bytes: 1,
  columns,
});

describe("SQL text for Databricks", () => {
  it("escapes names, texts and moments", () => {
    expect(quoteName("a`b")).toBe("`a``b`");
    expect(quoteText("it's \\ here")).toBe("'it\\'s \\\\ here'");
    expect(timestamp("2026-01-01 00:00:00")).toBe("CAST('2026-01-01 00:00:00Z' AS TIMESTAMP)");
    expect(timestamp("2026-01-01T00:00:00+02:00")).toContain("+02:00");
    expect(timestamp("9999-12-31")).toBe("CAST('9999-12-31T00:00:00Z' AS TIMESTAMP)");
  });

  it("creates a table as dlt does, with what its adapter hints ask", () => {
    const table = rootTable(
      "t",
      {
        id: { data_type: "bigint", nullable: false, primary_key: true, description: "it's the id" },
        amount: {
          data_type: "decimal",
          precision: 10,
          scale: 2,
          "x-databricks-column-tags": ["pii", { a: "b" }],
        },
        at: { data_type: "timestamp", timezone: false },
        doc: "json",
      },
      {
        description: "T's comment",
        "x-databricks-cluster": "AUTO",
        "x-databricks-table-tags": ["pii", { team: "sales" }],
        "x-databricks-table-properties": { "delta.appendOnly": false },
      },
    );
    expect(createTable(place, table, { create_indexes: true })).toEqual([
      "CREATE TABLE IF NOT EXISTS `main`.`ds`.`t` (\n`id` BIGINT NOT NULL COMMENT 'it\\'s the id',\n" +
        "`amount` DECIMAL(10,2),\n`at` TIMESTAMP_NTZ,\n`doc` STRING,\n`_dlt_load_id` STRING NOT NULL,\n" +
        "`_dlt_id` STRING NOT NULL,\nPRIMARY KEY (`id`)) CLUSTER BY AUTO " +
        "TBLPROPERTIES ('delta.appendOnly'=false)",
      "COMMENT ON TABLE `main`.`ds`.`t` IS 'T\\'s comment'",
      "ALTER TABLE `main`.`ds`.`t` SET TAGS ('pii')",
      "ALTER TABLE `main`.`ds`.`t` SET TAGS ('team'='sales')",
      "ALTER TABLE `main`.`ds`.`t` ALTER COLUMN `amount` SET TAGS ('pii')",
      "ALTER TABLE `main`.`ds`.`t` ALTER COLUMN `amount` SET TAGS ('a'='b')",
    ]);
    const loads = createTable(place, rootTable("_dlt_loads", { load_id: "text" }), options);
    expect(loads[0]).toMatch(/TBLPROPERTIES \('delta.isolationLevel'='Serializable'\)$/);
    const quiet = createTable(place, table, { create_indexes: false, create_comments: false });
    expect(quiet.filter(sql => /COMMENT/.test(sql))).toEqual([]);
    expect(quiet.filter(sql => /SET TAGS/.test(sql))).toHaveLength(4);
  });

  it("partitions a table, or clusters it, and refuses both at once", () => {
    const day = { data_type: "date", partition: true } as const;
    const create = (columns: Parameters<typeof rootTable>[1]) =>
      createTable(place, rootTable("t", columns), { create_indexes: false })[0];
    expect(create({ day })).toContain(" PARTITIONED BY (`day`)");
    expect(() => create({ day, region: { data_type: "text", cluster: true } })).toThrow(
      'Table "t" has PARTITIONED BY (`day`) and CLUSTER BY (`region`), of which a Databricks table has one at most.',
    );
  });

  it("makes managed Iceberg tables, VARIANT columns and several new columns at once", () => {
    const table = rootTable(
      "t",
      { id: "bigint", doc: "json", n: { data_type: "bigint", cluster: true } },
      { table_format: "iceberg" },
    );
    expect(createTable(place, table, { ...options, json_type: "variant" })[0]).toMatch(
      /`doc` VARIANT,.*\) USING ICEBERG CLUSTER BY \(`n`\)$/s,
    );
    const added = completeColumns(table).filter(c => c.name === "doc" || c.name === "n");
    expect(addColumns(place, table, added, options)).toEqual([
      "ALTER TABLE `main`.`ds`.`t` ADD COLUMNS (\n`doc` STRING,\n`n` BIGINT)",
      "ALTER TABLE `main`.`ds`.`t` CLUSTER BY (`n`)",
    ]);
  });

  it("names foreign keys, so that they are not made twice", () => {
    const table = rootTable(
      "t",
      { a: "bigint" },
      { references: [{ referenced_table: "r", columns: ["a"], referenced_columns: ["id"] }] },
    );
    expect(foreignKeys(place, table)).toEqual([
      {
        name: "t_a_fk",
        sql: "ALTER TABLE `main`.`ds`.`t` ADD CONSTRAINT `t_a_fk` FOREIGN KEY (`a`) REFERENCES `main`.`ds`.`r` (`id`)",
      },
    ]);
  });

  it("closes a load once", () => {
    expect(insertLoad(place, planOf([]), "2026-01-01T00:00:00Z")).toMatch(
      /^INSERT INTO `main`\.`ds`\.`_dlt_loads` .* WHERE NOT EXISTS \(SELECT 1 FROM `main`\.`ds`\.`_dlt_loads` WHERE `load_id` = '1700000001.25'/,
    );
  });
});

describe("rows in statements", () => {
  const table = rootTable("t", {
    id: "bigint",
    at: { data_type: "timestamp", timezone: false },
    doc: "json",
    b: "binary",
  });
  const plan = planOf([file("a", ["id", "doc"]), file("b", ["b", "at"])], { schema: storedSchema([table]) });

  it("go into a table of their own, the same in every attempt, with the types of the files", () => {
    const staging = stagingTable(plan, "t", "main");
    expect(staging).toMatch(/^`main`\.`ds_staging`\.`tidemark_rows_[0-9a-f]{24}`$/);
    expect(stagingTable({ ...plan, load_id: "1700000002.25" }, "t", "main")).not.toBe(staging);
    expect(createStagingTable(staging, table, stagedColumns(plan, table))).toBe(
      `CREATE TABLE IF NOT EXISTS ${staging} (\`tidemark:batch\` BIGINT, \`tidemark:row\` BIGINT, ` +
        "`id` BIGINT, `at` TIMESTAMP_NTZ, `doc` STRING, `b` BINARY)",
    );
  });

  it("replace themselves, and hold nothing that Spark or the literal could take for its own", () => {
    const columns = stagedColumns(plan, table);
    const sql = writeBatch("s", table, columns, 7, [["1", "0", `\${spark.x} it's \\`, null]]);
    expect(sql).toMatch(/^INSERT INTO s REPLACE WHERE `tidemark:batch` = 7 SELECT /);
    expect(sql).not.toContain("$");
    expect(sql).toContain(String.raw`'[["1","0","\\u0024{spark.x} it\'s \\\\",null]]'`);
    expect(sql).toContain("unhex(r[3]) AS `b`");
  });
});

describe("paths of staged files", () => {
  const volume = volumeOf({ dataset: "ds" }, "main", undefined);

  it("are the same in every attempt, and keep order and pipelines apart", () => {
    const plan = planOf([file("/x/b.parquet", ["id"]), file("/y/a.parquet", ["id"])]);
    expect(stagedGroups(volume, plan, "t").map(group => group.files.map(f => f.path))).toEqual([
      [
        "/Volumes/main/ds/_dlt_staging_load_volume/tidemark/ds/p/1700000001.25/t/g0/p000000.parquet",
        "/Volumes/main/ds/_dlt_staging_load_volume/tidemark/ds/p/1700000001.25/t/g0/p000001.parquet",
      ],
    ]);
    expect(pipelineFolder(volume, planOf([], { pipeline_name: "q" }))).not.toBe(pipelineFolder(volume, plan));
  });

  it("put files of different columns in folders of their own", () => {
    const plan = planOf([
      file("a", ["id"]),
      file("b", ["v", "id"]),
      file("c", ["id"]),
      file("d", ["id", "v"]),
    ]);
    expect(stagedGroups(volume, plan, "t").map(g => g.files.map(f => f.name))).toEqual([
      ["p000000.parquet", "p000002.parquet"],
      ["p000001.parquet", "p000003.parquet"],
    ]);
  });

  it("are named in COPY INTO, at most 1,000 a statement", () => {
    const table = rootTable("t", { id: "bigint" });
    const plan = planOf(Array.from({ length: 1_001 }, (_, i) => file(`f${i}`, ["id"])));
    const [group] = stagedGroups(volume, plan, "t");
    const copies = copyInto("x", { table, parts: [], types: {} }, group!);
    expect(copies.map(sql => sql.match(/'p\d{6}\.parquet'/g)?.length)).toEqual([1_000, 1]);
    expect(copies[1]).toMatch(/FROM '[^']*\/t\/g0\/'\) FILEFORMAT = PARQUET FILES = \('p001000\.parquet'\)$/);
  });

  it("takes a Volume of the user's, and makes any name one visible segment", () => {
    expect(volumeOf({ dataset: "ds" }, "main", "c.s.v")).toEqual({ catalog: "c", schema: "s", volume: "v" });
    expect(segment("_dlt_x")).toMatch(/^t-dlt-x-[0-9a-f]{12}$/);
    expect(segment("../../etc")).not.toMatch(/[./]/);
    expect(segment("a b")).not.toBe(segment("a-b"));
  });
});
