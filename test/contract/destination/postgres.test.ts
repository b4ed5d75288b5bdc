/** The contract on a real PostgreSQL, one database per test. */
import type { PostgresServer } from "../../../demo/postgres-server";
import { scratchFolder } from "../../support/duckdb";
import { Engine, pagesOf, sourceOf } from "../../support/engine";
import { execute, freshDatabase, startTestPostgres } from "../../support/postgres";
import { postgresAt } from "../../support/postgres-destination";
import { describeDestination } from "./describe-destination";
import type { DestinationHarness } from "./destination-kit";

let server: PostgresServer;
beforeAll(async () => {
  server = await startTestPostgres();
});
afterAll(() => server.stop());

describeDestination("PostgreSQL", async (options): Promise<DestinationHarness> => {
  const folder = await scratchFolder();
  const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;
  return {
    destination: postgresAt(await freshDatabase(server), { create_indexes: false, ...options }),
    dataset: "raw",
    folder: folder.path,
    quoted,
    timestampText: column => `CAST(${column} AS VARCHAR)`,
    oddTable: 'odd "name" .; select',
    qualified: (table, schema = "raw") => `${quoted(schema)}.${quoted(table)}`,
    close: () => folder.remove(),
  };
});

it("lets one of two loads of a pipeline win that commit at the same time, and keeps no lock", async () => {
  const url = await freshDatabase(server);
  const engines = [new Engine({}, postgresAt(url)), new Engine({}, postgresAt(url))];
  try {
    const source = () =>
      sourceOf(
        "s",
        pagesOf("items", () => [[{ id: 1 }, { id: 2 }]]),
      );
    await engines[0]!.run(engines[0]!.spec(), source());
    for (const [i, engine] of engines.entries())
      for (let ticks = 0; ticks < 5 * (i + 1); ticks++) engine.now();
    const ends = await Promise.allSettled(engines.map(engine => engine.run(engine.spec(), source())));
    const lost = ends.filter(end => end.status === "rejected") as PromiseRejectedResult[];
    expect(lost.map(({ reason }) => reason.code)).toEqual(lost.map(() => "LOAD_SUPERSEDED"));
    const rows = { n: 4 + 2 * (1 - lost.length) };
    expect(await engines[0]!.query("SELECT count(*) AS n FROM raw.items")).toEqual([rows]);
    expect(await engines[0]!.query("SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory'")).toEqual(
      [{ n: 0 }],
    );
  } finally {
    for (const engine of engines) engine.remove();
  }
});

it("brings every text through COPY as it is, and numbers of 156 digits", async () => {
  const url = await freshDatabase(server);
  const engine = new Engine({}, postgresAt(url));
  try {
    const texts = ["", "\\N", "\\.", "a\tb\nc\r\n\\", '"q",;\'', "\\x41", "Gdańsk 日本 🙂"];
    const wei = `${"9".repeat(70)}`;
    const rows = texts.map((t, id) => ({ id, t, w: wei, b: "AAEC", j: { k: t } }));
    const hints = {
      columns: [
        { name: "w", data_type: "wei" },
        { name: "b", data_type: "binary" },
        { name: "j", data_type: "json" },
      ],
    } as const;
    await engine.run(
      engine.spec(),
      sourceOf(
        "s",
        pagesOf("items", () => [rows], { hints: structuredClone(hints) as never }),
      ),
    );
    const found = await engine.query(
      "SELECT id, t, j ->> 'k' AS j, encode(b, 'hex') AS b, trunc(w)::text AS w FROM raw.items ORDER BY id",
    );
    expect(found).toEqual(rows.map(({ id, t }) => ({ id, t, j: t, b: "000102", w: wei })));
  } finally {
    engine.remove();
  }
});

it("says what the role lacks, and never the password", async () => {
  const url = await freshDatabase(server);
  await execute(server.adminDsn, ["CREATE ROLE reader LOGIN PASSWORD 'planted-pw'"]);
  const reader = new URL(url);
  reader.username = "reader";
  reader.password = "planted-pw";
  const options = { signal: new AbortController().signal, onProgress: () => {} };
  const names = { dataset: "raw", staging_dataset: "raw_staging" };
  const found = (await postgresAt(reader.href).checkAccess?.(options, names)) ?? [];
  expect(found.map(({ what, ok }) => [what, ok])).toEqual([
    ["connection", true],
    ["version", true],
    ["rights", false],
  ]);
  expect(JSON.stringify(found)).not.toContain("planted-pw");
  const engine = new Engine({}, postgresAt(reader.href));
  const run = engine.run(
    engine.spec(),
    sourceOf(
      "s",
      pagesOf("items", () => [[{ id: 1 }]]),
    ),
  );
  await expect(run).rejects.toMatchObject({ code: "DESTINATION_DENIED" });
  engine.remove();
});
