/** Reservations and places beside a DuckDB file: who loads, and which disk it is. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { LoadReservation } from "../../../src/destinations/destination";
import { filePlace } from "../../../src/destinations/duckdb/file-place";
import { loadReservations } from "../../../src/destinations/duckdb/load-reservations";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-reservations-"));
  path = join(folder, "data.duckdb");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const reservation = (
  namespace: string,
  run_id: string,
  more: Partial<LoadReservation> = {},
): LoadReservation => ({
  workflow_id: "load/duckdb-1/raw/shop",
  run_id,
  namespace,
  host: `host of ${namespace}`,
  dataset: "raw",
  pipeline_name: "shop",
  ...more,
});

async function told(file: string): Promise<string[]> {
  const notes: string[] = [];
  await filePlace(file, note => notes.push(note));
  return notes;
}

const files = () => readdirSync(`${path}.reservations`);

/** As if nobody had renewed it for so long. */
function age(seconds: number): void {
  for (const name of files()) {
    const then = new Date(statSync(join(`${path}.reservations`, name)).mtimeMs - seconds * 1000);
    utimesSync(join(`${path}.reservations`, name), then, then);
  }
}

test("a load of another namespace is named; other pipelines and datasets are not in the way", async () => {
  const reservations = loadReservations(path);
  expect(await reservations.take(reservation("one", "r1"))).toBeUndefined();
  expect(await reservations.take(reservation("two", "r2"))).toMatchObject({ namespace: "one", run_id: "r1" });
  expect(await reservations.take(reservation("two", "r2", { pipeline_name: "other" }))).toBeUndefined();
  expect(await reservations.take(reservation("two", "r2", { dataset: "elsewhere" }))).toBeUndefined();
});

test("the same load of a later run takes it over: inside a namespace its workflow is the lock", async () => {
  const reservations = loadReservations(path);
  await reservations.take(reservation("one", "r1"));
  expect(await reservations.take(reservation("one", "r2"))).toBeUndefined();
  // The earlier run's late release takes nothing away.
  await reservations.release(reservation("one", "r1"));
  expect(await reservations.take(reservation("two", "r3"))).toMatchObject({ run_id: "r2" });
});

test("a reservation that nobody renews is void, a renewed one is not, a released one is gone", async () => {
  const reservations = loadReservations(path);
  await reservations.take(reservation("one", "r1"));
  age(40);
  await reservations.renew(reservation("one", "r1"));
  expect(await reservations.take(reservation("two", "r2"))).toMatchObject({ run_id: "r1" });
  age(40);
  expect(await reservations.take(reservation("two", "r2"))).toBeUndefined();
  // The dead one wakes up: it renews nothing of the other's, and leaves it its reservation.
  await reservations.renew(reservation("one", "r1"));
  await reservations.release(reservation("one", "r1"));
  expect(await reservations.take(reservation("three", "r3"))).toMatchObject({ run_id: "r2" });
  await reservations.release(reservation("two", "r2"));
  expect(files()).toEqual([]);
});

test("a reservation that cannot be read holds nobody up", async () => {
  const reservations = loadReservations(path);
  await reservations.take(reservation("one", "r1"));
  for (const name of files()) writeFileSync(join(`${path}.reservations`, name), "{");
  expect(await reservations.take(reservation("two", "r2"))).toBeUndefined();
});

test("a file has one place for all who see it, and another file another", async () => {
  const places = await Promise.all(Array.from({ length: 20 }, () => filePlace(path)));
  expect(new Set(places).size).toBe(1);
  expect(await filePlace(path)).toBe(places[0]);
  expect(await filePlace(join(folder, "other.duckdb"))).not.toBe(places[0]);
});

test("a copy of the folder on this host or another has a place of its own, told once; a file that was put back keeps its", async () => {
  const place = await filePlace(path);
  expect(await told(path)).toEqual([]);
  // Moved in one piece: the same file.
  const moved = join(folder, "moved");
  mkdirSync(moved);
  renameSync(`${path}.place`, join(moved, "data.duckdb.place"));
  expect(await filePlace(join(moved, "data.duckdb"))).toBe(place);
  const copy = join(folder, "copy", "data.duckdb");
  cpSync(moved, dirname(copy), { recursive: true, preserveTimestamps: true });
  const [note] = await told(copy);
  expect(note).toMatch(/data\.duckdb was copied with what lies beside it from folder .* on host /);
  const own = await filePlace(copy);
  expect(own).not.toBe(place);
  expect(await told(copy)).toEqual([]);
  expect(await filePlace(join(moved, "data.duckdb"))).toBe(place);
  // Restored from a backup where it was made: another inode, the same place.
  const kept = readFileSync(`${copy}.place`);
  rmSync(`${copy}.place`);
  writeFileSync(`${copy}.place`, kept);
  expect(await filePlace(copy)).toBe(own);
  // On another host, under the same path.
  const text = kept.toString().replace(JSON.stringify(hostname()), '"elsewhere"');
  writeFileSync(`${copy}.place`, text.replace(/"inode":"\d+"/, '"inode":"1"'));
  const places = await Promise.all(Array.from({ length: 20 }, () => filePlace(copy)));
  expect(new Set(places).size).toBe(1);
  expect(places[0]).not.toBe(own);
  // A file of an earlier version says nothing of where it was made: it says so from now on.
  writeFileSync(`${copy}.place`, "0a0b0c\n");
  expect(await told(copy)).toEqual([]);
  expect(await filePlace(copy)).toBe("0a0b0c");
  expect(readFileSync(`${copy}.place`, "utf8")).toMatch(/^0a0b0c\n\{"inode":/);
  expect(readdirSync(dirname(copy)).filter(name => /tmp|next/.test(name))).toEqual([]);
});

test("a folder that may not be written is told", async () => {
  await expect(filePlace("/proc/nowhere/data.duckdb")).rejects.toMatchObject({ code: "DESTINATION_DENIED" });
  await expect(
    loadReservations("/proc/nowhere/data.duckdb").take(reservation("one", "r1")),
  ).rejects.toMatchObject({
    code: "DESTINATION_DENIED",
  });
});
