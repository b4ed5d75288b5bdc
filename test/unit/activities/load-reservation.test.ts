/** The reservation of a load that opens: it stays while the load goes on, and nobody waits for one that did not open. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withReservation } from "../../../src/activities/load-reservation";
import { loadReservations } from "../../../src/destinations/duckdb/load-reservations";

const folder = mkdtempSync(join(tmpdir(), "tidemark-reservation-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const reservation = (namespace: string) => ({
  workflow_id: "load/x",
  run_id: `run of ${namespace}`,
  namespace,
  host: "h",
  dataset: "raw",
  pipeline_name: "shop",
});
const step = { signal: new AbortController().signal, onProgress: () => {} };
const refusing = { on_busy: "fail" } as const;

test("it is given back when the load cannot be opened, and kept when it can", async () => {
  const reservations = loadReservations(join(folder, "data.duckdb"));
  const opens = (namespace: string, open: () => Promise<string>) =>
    withReservation(reservations, reservation(namespace), refusing, step, open);
  const inside = jest.fn();
  const failed = opens("one", async () => {
    inside(await reservations.take(reservation("two")));
    throw new Error("no such table");
  });
  await expect(failed).rejects.toThrow("no such table");
  expect(inside).toHaveBeenCalledWith(expect.objectContaining({ namespace: "one" }));
  expect(await opens("two", async () => "opened")).toBe("opened");
  await expect(opens("one", async () => "opened")).rejects.toMatchObject({ code: "LOAD_RUNNING" });
});
