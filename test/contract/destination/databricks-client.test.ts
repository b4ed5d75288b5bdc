/** Connecting, cancelling, reopening and staging, and what is told when they fail. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openWarehouse, type Warehouse } from "../../../src/destinations/databricks/client";
import { sortError } from "../../../src/destinations/databricks/errors";
import { httpsRequest } from "../../../src/destinations/databricks/https-request";
import type { DatabricksDestination } from "../../../src/destinations/databricks/spec";
import type { LoadPlan } from "../../../src/destinations/destination";
import type { ProgressEvent } from "../../../src/pipeline/infos";
import { statementsOf } from "../../support/databricks/standin";
import {
  describeOnStandin,
  freshDataset,
  inSession,
  useStandin,
  warehouseSpec,
} from "../../support/databricks/use-standin";
import { writeParquet } from "../../support/duckdb";
import { rootTable, storedSchema } from "../../support/stored-schema";
import { ITEM, KEY } from "./destination-kit";

const standin = useStandin();

async function using<T>(
  more: Partial<DatabricksDestination>,
  work: (db: Warehouse, events: ProgressEvent[]) => Promise<T>,
  signal = new AbortController().signal,
): Promise<T> {
  const events: ProgressEvent[] = [];
  const db = await openWarehouse(warehouseSpec(more), {
    signal,
    onProgress: event => void events.push(event),
  });
  try {
    return await work(db, events);
  } finally {
    await db[Symbol.asyncDispose]();
  }
}

/** Sessions that are open and not in use. */
const idleOf = (db: Warehouse): { close(): Promise<unknown> }[] =>
  (db as unknown as { pool: { idle: { close(): Promise<unknown> }[] } }).pool.idle;

describeOnStandin("a client of the warehouse", () => {
  it("keeps all digits", async () => {
    const rows = await using({}, db =>
      db.run(
        "SELECT 9223372036854775807 AS big, 7 AS small, CAST('12345678901234567890.123456789' AS DECIMAL(38,9)) AS d",
        "reading",
      ),
    );
    expect(rows).toEqual([{ big: 9223372036854775807n, small: 7, d: "12345678901234567890.123456789" }]);
  });

  it("names itself and its version", async () => {
    await standin().mark();
    // a pool of its own: its session is opened now
    await using({ max_sessions: 3 }, db => db.run("SELECT 1", "reading"));
    const agents = (await standin().log()).flatMap(entry => entry.agent ?? []);
    expect(agents.join("\n")).toContain(`tidemark/${require("../../../package.json").version}`);
  });

  it("takes a service principal, and a new token when the old one ends", async () => {
    const { id, secret } = standin().client;
    const principal = { access_token: undefined, client_id: id, client_secret: secret };
    await standin().mark();
    await using(principal, async db => {
      expect(await db.run("SELECT 1 AS one", "reading")).toEqual([{ one: 1 }]);
      await new Promise(resolve => setTimeout(resolve, 3_200));
      expect(await db.run("SELECT 2 AS two", "reading")).toEqual([{ two: 2 }]);
    });
    const asked = (await standin().log()).filter(entry => entry.http === "POST /oidc/v1/token");
    expect(asked.length).toBeGreaterThan(1);
  });

  it.each([
    ["a wrong token", { access_token: "dapi-wrong" }, /DESTINATION_DENIED.*token/],
    [
      "a wrong secret",
      { access_token: undefined, client_id: "standin-client", client_secret: "no" },
      /DESTINATION_DENIED.*client_secret/,
    ],
    ["no credentials", { access_token: undefined }, /SPEC_INVALID.*DATABRICKS_TOKEN/],
    ["an unknown catalog", { catalog: "nowhere" }, /DESTINATION_DENIED.*catalog/],
    ["an unknown warehouse", { http_path: "/nothing/here" }, /DESTINATION_DENIED.*http_path/],
    ["an untrusted certificate", { ca_file: undefined }, /DESTINATION_DENIED.*ca_file/],
  ] as [string, Partial<DatabricksDestination>, RegExp][])(
    "says what is wrong with %s",
    async (_what, more, tells) => {
      const error = await using(more, db => db.run("SELECT 1", "reading")).then(
        () => undefined,
        (e: Error & { code: string }) => e,
      );
      expect(`${error?.code} ${error?.message}`).toMatch(tells);
      expect(error?.message).not.toMatch(/dapi-wrong/);
    },
  );

  it("waits for a warehouse that is not there, says so, and gives up in the end", async () => {
    await expect(
      using({ port: 1, start_timeout_seconds: 1 }, async (db, events) => {
        await db.run("SELECT 1", "reading").catch(error => {
          expect(events).toContainEqual(expect.objectContaining({ phase: "waiting for the warehouse" }));
          throw error;
        });
      }),
    ).rejects.toMatchObject({ code: "DESTINATION_UNAVAILABLE", kind: "transient" });
  });

  it("cancels its statement when it is aborted", async () => {
    const abort = new AbortController();
    await standin().mark();
    setTimeout(() => abort.abort(new Error("enough")), 1_000);
    const started = Date.now();
    await expect(
      using(
        {},
        db => db.run("SELECT count(*) FROM range(100000000000) WHERE id % 3 = 1", "counting"),
        abort.signal,
      ),
    ).rejects.toThrow("enough");
    expect(Date.now() - started).toBeLessThan(20_000);
    const entry = (await standin().log()).find(e => e.sql?.includes("range(100000000000)"));
    expect(entry?.err).toMatch(/OPERATION_CANCELED/);
  });

  it("ends a step that waits for a session when that is aborted", async () => {
    const one = { max_sessions: 1 };
    const [long, abort] = [new AbortController(), new AbortController()];
    const busy = using(
      one,
      db => db.run("SELECT count(*) FROM range(100000000000) WHERE id % 3 = 2", "counting"),
      long.signal,
    ).catch(() => undefined);
    await new Promise(resolve => setTimeout(resolve, 1_000));
    const waiting = using(one, db => db.run("SELECT 1", "reading"), abort.signal);
    const started = Date.now();
    setTimeout(() => abort.abort(new Error("enough")), 200);
    await expect(waiting).rejects.toThrow("enough");
    expect(Date.now() - started).toBeLessThan(2_000);
    long.abort(new Error("done"));
    await busy;
    expect(await using(one, db => db.run("SELECT 2 AS two", "reading"))).toEqual([{ two: 2 }]);
  });

  it("has what does not fit refused, whatever the account's default is", async () => {
    const lenient = { session_configuration: { "spark.sql.ansi.enabled": "false" } };
    await expect(using(lenient, db => db.run("SELECT CAST('x' AS INT)", "reading"))).rejects.toMatchObject({
      code: "DESTINATION_REFUSED",
    });
  });

  it("repeats a statement that lost against another writer", async () => {
    const table = `main.\`${freshDataset()}\`.t`;
    await using({}, async db => {
      await db.run(`CREATE SCHEMA ${table.slice(0, -2)}`, "trying");
      await db.run(`CREATE TABLE ${table} AS SELECT 0 AS n`, "trying");
      await standin().mark();
      await Promise.all([1, 2, 3].map(() => db.run(`UPDATE ${table} SET n = n + 1`, "counting up")));
      expect(await db.run(`SELECT n FROM ${table}`, "reading")).toEqual([{ n: 3 }]);
    });
    const lost = (await standin().log()).filter(entry => /Concurrent|CONCURRENT/.test(entry.err ?? ""));
    expect(lost.length).toBeGreaterThan(0);
  });

  it("opens another session when one has expired", async () => {
    await using({ max_sessions: 1 }, async db => {
      await db.run("SELECT 1", "reading");
      await Promise.all(idleOf(db).map(session => session.close()));
      expect(await db.run("SELECT 2 AS two", "reading")).toEqual([{ two: 2 }]);
    });
  });

  it("shares its sessions with the steps that follow, and forgets them all when one is lost", async () => {
    // a pool of its own
    const own = { max_sessions: 7 };
    await standin().mark();
    const reads = Array.from({ length: 7 }, () => "SELECT 1 AS one");
    for (const _step of [1, 2]) {
      await using(own, db => Promise.all(reads.map(sql => db.run(sql, "reading"))));
    }
    const opened = async () => (await standin().log()).filter(entry => entry.open !== undefined).length;
    expect(await opened()).toBe(7);
    await using(own, async db => {
      await Promise.all(idleOf(db).map(session => session.close()));
      expect(await db.run("SELECT 2 AS two", "reading")).toEqual([{ two: 2 }]);
    });
    expect(await opened()).toBe(8);
  });

  it("runs statements one by one where the server has no scripting", async () => {
    // a pool of its own: all that use one believe what one of them finds out
    await using({ max_sessions: 6 }, async db => {
      const run = jest.spyOn(db, "run");
      run.mockRejectedValueOnce(await db.run("BEGIN SELEC", "trying").catch(error => error));
      await db.script(["SELECT 1", "SELECT 2"], "reading");
      expect(run.mock.calls.slice(-2).map(([sql]) => sql)).toEqual(["SELECT 1", "SELECT 2"]);
    });
  });
});

describe("a guarded statement", () => {
  const guard = (holds: boolean) => `SELECT assert_true(${holds}, 'not so') AS compared`;

  it("runs in one request, and not at all where the guard fails", async () => {
    await using({ max_sessions: 5 }, async db => {
      const run = jest.spyOn(db, "run");
      expect(await db.guarded(guard(true), "SELECT 2 AS two", "trying")).toEqual([{ two: 2 }]);
      expect(run).toHaveBeenCalledTimes(1);
      await expect(db.guarded(guard(false), "SELECT 2 AS two", "trying")).rejects.toMatchObject({
        condition: "USER_RAISED_EXCEPTION",
      });
    });
  });

  it("runs behind its guard where the server refuses both in a script, which is then not tried again", async () => {
    await using({ max_sessions: 4 }, async db => {
      const run = jest.spyOn(db, "run");
      const refused = "[UNSUPPORTED_FEATURE] COPY INTO in a script SQLSTATE: 0A000";
      run.mockRejectedValueOnce(sortError(new Error(refused), { where: "here", doing: "trying" }));
      expect(await db.guarded(guard(true), "SELECT 2 AS two", "trying")).toEqual([{ two: 2 }]);
      await db.guarded(guard(true), "SELECT 3", "trying");
      const sent = run.mock.calls.map(([sql]) => sql.slice(0, 8));
      expect(sent).toEqual(["BEGIN\nSE", "SELECT a", "SELECT 2", "SELECT a", "SELECT 3"]);
      await expect(db.guarded(guard(false), "SELECT 4", "trying")).rejects.toMatchObject({
        condition: "USER_RAISED_EXCEPTION",
      });
      expect(run.mock.calls.at(-1)?.[0]).toMatch(/assert_true/);
    });
  });
});

describeOnStandin("staging", () => {
  let folder: string;
  let dataset: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "tidemark-staging-"));
    dataset = freshDataset();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  async function planOf(load: number, rows = 3): Promise<LoadPlan> {
    const values = Array.from({ length: rows }, (_, i) => [i, "v", "L", `r${load}-${i}`]);
    const files = [
      await writeParquet(join(folder, `${load}.parquet`), "items", ITEM, values),
      await writeParquet(join(folder, `${load}-b.parquet`), "items", ITEM, [
        [100 + load, "w", "L", `x${load}`],
      ]),
    ];
    return {
      load_id: `170000000${load}.25`,
      pipeline_name: "p",
      dataset,
      staging_dataset: `${dataset}_staging`,
      schema: storedSchema([rootTable("items", { id: KEY, v: "text" }, { write_disposition: "merge" })]),
      files,
      roots: ["items"],
      created_at: "2026-01-01T00:00:00.000000Z",
    };
  }

  /** What stands in the Volume, over the Files API. */
  async function volume(
    method: "GET" | "PUT",
    path: string,
    body = "",
  ): Promise<{ status: number; body: string }> {
    return using({}, async db =>
      httpsRequest(db.endpoint, {
        method,
        path: `/api/2.0/fs/${path}`,
        headers: { authorization: await db.credentials.authorization() },
        body,
      }),
    );
  }

  it.each(["files_api", "put"] as const)(
    "goes on with the files that are missing or short, by %s",
    async upload => {
      const plan = await planOf(1);
      const staged = await inSession(
        async s => {
          await s.migrate(plan);
          return s.stage!(plan);
        },
        { staging_upload: upload },
      );
      expect(staged.map(file => file.resumed)).toEqual([false, false]);
      expect((await volume("PUT", `files${staged[1]?.path}?overwrite=true`, "short")).status).toBe(204);
      const again = await inSession(s => s.stage!(plan), { staging_upload: upload });
      expect(again.map(file => [file.path, file.resumed])).toEqual([
        [staged[0]?.path, true],
        [staged[1]?.path, false],
      ]);
    },
  );

  it("refuses a bucket of one's own, and says what there is instead", async () => {
    const plan = await planOf(1);
    await expect(
      inSession(s => s.stage!(plan), { is_staging_external_location: true }),
    ).rejects.toMatchObject({
      code: "DESTINATION_UNSUPPORTED",
      message: expect.stringMatching(/external Volume.*staging_volume_name/),
    });
  });

  it("makes the Volume anew when somebody dropped it, also in the middle of a load", async () => {
    const plan = await planOf(1);
    await inSession(async s => {
      await s.migrate(plan);
      await s.query(`DROP VOLUME \`main\`.\`${dataset}\`.\`_dlt_staging_load_volume\``);
      await s.stage!(plan);
      await s.query(`DROP VOLUME \`main\`.\`${dataset}\`.\`_dlt_staging_load_volume\``);
      const [items] = await s.loadChains([plan], ["items"]);
      expect(items).toMatchObject({ rows: 4, inserted: 4 });
    });
  });

  it("refuses staged rows that are not the package's, before anything is changed", async () => {
    const first = await planOf(1);
    await inSession(async s => {
      await s.migrate(first);
      await s.stage!(first);
      await s.loadChains([first], ["items"]);
      await s.completeLoad(first);
    });
    const second = await planOf(2);
    second.files = second.files.map(file => ({ ...file, rows: file.rows + 1 }));
    await standin().mark();
    await expect(
      inSession(async s => {
        await s.stage!(second);
        await s.loadChains([second], ["items"]);
      }),
    ).rejects.toMatchObject({
      code: "DESTINATION_REFUSED",
      message: expect.stringMatching(/there are 4 staged rows, the package has 6/),
    });
    expect(statementsOf(await standin().log()).filter(sql => !sql.startsWith("SELECT"))).toEqual([]);
  });

  it("removes its files and those of closed loads, and nothing else", async () => {
    const first = await planOf(1);
    const second = await planOf(2);
    const third = await planOf(3);
    const all = async (plan: LoadPlan, keep: boolean): Promise<void> =>
      inSession(
        async s => {
          await s.migrate(plan);
          await s.stage!(plan);
          await s.loadChains([plan], ["items"]);
          await s.completeLoad(plan);
        },
        { keep_staged_files: keep },
      );
    await all(first, true);
    await inSession(s => s.stage!(third)); // staged, never loaded
    const root = `/Volumes/main/${dataset}/_dlt_staging_load_volume`;
    await volume("PUT", `files${root}/0123456789abcdef0123456789abcdef/t.parquet`, "dlt's");
    await all(second, false);
    const names = async (folder: string): Promise<string[]> =>
      (JSON.parse((await volume("GET", `directories${folder}`)).body).contents as { name: string }[]).map(
        e => e.name,
      );
    expect(await names(`${root}/tidemark/${dataset}/p`)).toEqual([third.load_id]);
    expect((await names(root)).sort()).toEqual(["0123456789abcdef0123456789abcdef", "tidemark"]);
  });
});
