/** Activities that only note that they were called: for tests of the workflows' routing, and for recorded histories. */
import { Context } from "@temporalio/activity";
import type { ResolvedRun } from "../../src/pipeline/infos";

export type Call = { name: string; args: unknown[] };
export type Fakes = { [name: string]: (...args: never[]) => Promise<unknown> };

/** The answer of `commitPackage`. */
export const committedPackage = () => ({
  migrated: { created: [], added: [] },
  tables: [{ table: "customers", rows: 3, inserted: 3, updated: 0, deleted: 0 }],
  completed: { cursors: [] },
  seconds: { migrate: 0, load: 0, complete: 0 },
});

/** @param queue the disk's own queue */
export function fakes(name: string, queue: string, calls: Call[], more: Fakes = {}): Fakes {
  const note =
    <T>(activity: string, answer: (...args: never[]) => T) =>
    async (...args: never[]) => {
      calls.push({ name: activity, args });
      return answer(...args);
    };
  const spec = {
    pipeline_name: name,
    dataset_name: "raw",
    destination: { type: "duckdb", path: "/none" },
    source: { type: "code", name: "shop" },
    retry: { http_attempts: 1, activity_attempts: 3 },
  };
  const host = { host: "here", disk: queue, extract: queue, dbt: queue, lease: queue };
  const resolved = {
    spec,
    queue,
    host,
    needs_staging: false,
    commits: "package",
    load_workflow_id: `load/${name}`,
    resources: [
      {
        name: "customers",
        selected: true,
        cursor_path: "updated_at",
        cursor_type: "timestamp",
        disposition: "merge",
      },
      { name: "orders", parent: "customers", selected: true, disposition: "append" },
    ],
    warnings: [],
  } as unknown as ResolvedRun;
  return {
    resolveRun: note("resolveRun", () => resolved),
    openLoad: note("openLoad", () => ({
      ref: { pipeline_name: name, load_id: "1.5" },
      queue,
      host,
      outcome: "opened",
      resources: [{ name: "customers" }, { name: "orders", parent: "customers" }],
      notes: [],
    })),
    extractResource: note("extractResource", (({ resource }: { resource: string }) => ({
      resource,
      attempt: "a1",
      rows: 3,
      bytes: 30,
      pages: 1,
      requests: 1,
    })) as never),
    finishExtract: note("finishExtract", () => ({ has_work: true, cursors: [], notes: [] })),
    normalizePackage: note("normalizePackage", () => ({
      attempt: "a1",
      tables: [{ table: "customers", rows: 3 }],
      files: 1,
      bytes: 10,
      schema_version: 2,
      schema_version_hash: "h",
      schema_changes: [],
    })),
    migrateSchema: note("migrateSchema", () => ({
      created: [],
      added: [],
      version_written: true,
      roots: ["customers", "orders"],
    })),
    loadChains: note("loadChains", () => [
      { table: "customers", rows: 3, inserted: 3, updated: 0, deleted: 0 },
    ]),
    completeLoad: note("completeLoad", () => ({ cursors: [] })),
    commitPackage: note("commitPackage", committedPackage),
    pickHost: note("pickHost", () => host),
    findHolder: note("findHolder", () => ({})),
    holdHost: async () => {
      for (;;) {
        Context.current().heartbeat();
        await Context.current().sleep(200);
      }
    },
    ...more,
  };
}
