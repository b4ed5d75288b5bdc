/** Which attempts count: errors do, deaths do not, unless a step takes its worker down at one place for ever. */
import {
  attemptsSoFar,
  delayAfter,
  type HeartbeatDetails,
  isCounted,
} from "../../../src/activities/attempts";
import { placeInIdentity, workerIdentity } from "../../../src/activities/identity";
import { DEATHS, errorsAllowed } from "../../../src/pipeline/attempts";
import { TidemarkError } from "../../../src/pipeline/errors";

const at = (rows: number, attempts: HeartbeatDetails["attempts"]): HeartbeatDetails => ({
  step: "extract",
  subject: "events",
  rows,
  ...(attempts === undefined ? {} : { attempts }),
});

test("twenty deaths in different places leave all errors unused", () => {
  let last: HeartbeatDetails | undefined;
  for (let attempt = 1; attempt <= 21; attempt++) {
    const so = attemptsSoFar(attempt, last);
    expect(so.errors).toBe(0);
    expect(() => so.requireHope("extract")).not.toThrow();
    last = at(attempt * 100, { errors: so.errors, ...(so.died ? { died: so.died } : {}) });
  }
});

test("a step that kills its worker at one place again and again is given up", () => {
  let last: HeartbeatDetails | undefined;
  const thrown: number[] = [];
  for (let attempt = 1; attempt <= 12; attempt++) {
    const so = attemptsSoFar(attempt, last);
    try {
      so.requireHope("normalize");
    } catch (error) {
      expect(error).toMatchObject({ code: "WORKER_DIES", kind: "terminal" });
      thrown.push(attempt);
    }
    last = at(500, { errors: so.errors, ...(so.died ? { died: so.died } : {}) });
  }
  expect(thrown[0]).toBe(9);
});

test("an error and a stopped worker are no deaths", () => {
  expect(attemptsSoFar(2, at(5, { errors: 1, ended: "error" }))).toMatchObject({ errors: 1 });
  expect(attemptsSoFar(2, at(5, { errors: 1, ended: "error" })).died).toBeUndefined();
  expect(attemptsSoFar(2, at(5, { errors: 0, ended: "stopped" })).died).toBeUndefined();
  // No heartbeat ever came through.
  expect(attemptsSoFar(2, undefined).died).toEqual({ at: "", times: 1 });
});

test("errors that are allowed, for new and for old histories", () => {
  expect(errorsAllowed(undefined)).toBe(0);
  expect(errorsAllowed(DEATHS + 5)).toBe(5);
  expect(errorsAllowed(5)).toBe(5);
});

test("waiting for a host or the end of a worker is no error of a step", () => {
  expect(isCounted(new TidemarkError("WORKER_STOPPING", "x"))).toBe(false);
  expect(isCounted(new TidemarkError("DESTINATION_ELSEWHERE", "x"))).toBe(false);
  expect(isCounted(new TidemarkError("HTTP_UNREACHABLE", "x"))).toBe(true);
  expect(isCounted(new Error("x"))).toBe(true);
});

test("the wait doubles with every error, up to a minute", () => {
  expect([1, 2, 3, 4, 20].map(delayAfter)).toEqual([1_000, 2_000, 4_000, 8_000, 60_000]);
});

test("a worker's identity says which file it has", () => {
  expect(placeInIdentity(workerIdentity("worker", "ab12"))).toBe("ab12");
  expect(placeInIdentity(workerIdentity("worker", undefined))).toBeUndefined();
  expect(placeInIdentity("somebody 12@else file ab12")).toBeUndefined();
});
