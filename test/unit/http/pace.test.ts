import { Pace, sharedPace } from "../../../src/sources/http/pace";
import { ask, callOf, clientOf, closeServers, serve } from "./servers";

afterEach(closeServers);

/** Counts how many requests it serves at the same time, and refuses more than `most`. */
async function narrowServer(most: number, ms: number) {
  const count = { now: 0, highest: 0, refused: 0, served: 0 };
  const base = await serve((_, response) => {
    const isRefused = ++count.now > most;
    count.highest = Math.max(count.highest, count.now);
    if (isRefused) count.refused++;
    else count.served++;
    setTimeout(
      () => {
        count.now--;
        response.writeHead(isRefused ? 429 : 200).end("[]");
      },
      isRefused ? 0 : ms,
    );
  });
  return { base, count };
}

async function pagesAtOnce(base: string, clients: number, pages: number, pace: Pace): Promise<void> {
  await Promise.all(
    Array.from({ length: clients }, async () => {
      const client = clientOf({ pace, attempts: 5 });
      for (let i = 0; i < pages; i++) await client.send(callOf(base));
      await client.close();
    }),
  );
}

test("max_concurrent_requests holds for everybody with the same pace", async () => {
  const { base, count } = await narrowServer(2, 20);
  await pagesAtOnce(base, 8, 5, new Pace({ max_concurrent_requests: 2 }));
  expect(count).toMatchObject({ highest: 2, refused: 0, served: 40 });
});

test("requests_per_second holds for everybody with the same pace", async () => {
  const times: number[] = [];
  const base = await serve((_, response) => {
    times.push(Date.now());
    response.end("[]");
  });
  const started = Date.now();
  await pagesAtOnce(base, 3, 4, new Pace({ requests_per_second: 10 }));
  expect(Date.now() - started).toBeGreaterThanOrEqual(1090);
  expect(times).toHaveLength(12);
  // A busy machine makes a request late, never early: each is held to its place in the row, not to its neighbour.
  for (const [i, time] of times.entries()) expect(time - started).toBeGreaterThanOrEqual(i * 100 - 20);
});

test("an API of one request at a time meets few refusals from eight clients: the ceiling is learnt", async () => {
  const { base, count } = await narrowServer(1, 15);
  await pagesAtOnce(base, 8, 10, new Pace());
  expect(count.served).toBe(80);
  expect(count.refused).toBeLessThan(20);
});

test("a pause that one request is told of holds for all", async () => {
  let refusedAt = 0;
  const early: string[] = [];
  const base = await serve((request, response) => {
    if (request.url === "/first" && refusedAt === 0) {
      refusedAt = Date.now();
      response.writeHead(429, { "Retry-After": "2" }).end();
      return;
    }
    if (refusedAt > 0 && Date.now() - refusedAt < 1900) early.push(request.url!);
    response.end("[]");
  });
  const pace = new Pace();
  const first = ask(`${base}/first`, { pace, attempts: 5 });
  while (refusedAt === 0) await new Promise(done => setTimeout(done, 5));
  await new Promise(done => setTimeout(done, 50));
  const told: string[] = [];
  await Promise.all([
    first,
    ask(`${base}/second`, { pace, onWait: what => told.push(what) }),
    ask(`${base}/third`, { pace }),
  ]);
  expect(early).toEqual([]);
  expect(told[0]).toContain("the source asks for a pause until");
});

test("503 with Retry-After is such a pause; so is the last answer of a budget", async () => {
  const times: number[] = [];
  let answers: [number, { [name: string]: string }][] = [];
  const base = await serve((_, response) => {
    times.push(Date.now());
    const [status, headers] = answers.shift() ?? [200, {}];
    response.writeHead(status, headers).end("[]");
  });
  answers = [
    [503, { "Retry-After": "1" }],
    [200, { "RateLimit-Remaining": "0", "RateLimit-Reset": "1" }],
  ];
  const pace = new Pace();
  for (let i = 0; i < 2; i++) await ask(base, { pace, attempts: 2 });
  expect(times).toHaveLength(3);
  expect(times[1]! - times[0]!).toBeGreaterThan(950);
  expect(times[2]! - times[1]!).toBeGreaterThan(1400);
});

test("an abort gives the turn to the next one", async () => {
  const { base, count } = await narrowServer(1, 300);
  const pace = new Pace({ max_concurrent_requests: 1 });
  const abort = new AbortController();
  const reason = new Error("cancelled");
  const first = ask(base, { pace });
  const second = ask(base, { pace, signal: abort.signal });
  const third = ask(base, { pace });
  setTimeout(() => abort.abort(reason), 50);
  await expect(second).rejects.toBe(reason);
  await Promise.all([first, third]);
  expect(count).toMatchObject({ served: 2, refused: 0 });
});

test("a pause ends with the signal", async () => {
  const pace = new Pace();
  pace.pause(60_000);
  const abort = new AbortController();
  const reason = new Error("cancelled");
  setTimeout(() => abort.abort(reason), 30);
  await expect(ask("http://127.0.0.1:1", { pace, signal: abort.signal })).rejects.toBe(reason);
});

test("the same API with the same credentials has one pace, another one its own; what is idle is forgotten", () => {
  const limits = { max_concurrent_requests: 2 };
  const one = sharedPace({ base_url: "http://a", token: "t" }, limits);
  one.users++;
  expect(sharedPace({ base_url: "http://a", token: "t" }, limits)).toBe(one);
  expect(sharedPace({ base_url: "http://a", token: "other" }, limits)).not.toBe(one);
  expect(sharedPace({ base_url: "http://a", token: "t" }, {})).not.toBe(one);
  one.users--;
  expect(sharedPace({ base_url: "http://a", token: "t" }, limits)).not.toBe(one);
});

test.each([
  ["an hour ahead", 3_600_000],
  ["an hour back", -3_600_000],
])("a wall clock that was %s and is set right again makes nobody wait", async (_, shift) => {
  const pace = new Pace({ requests_per_second: 100 });
  const waiter = { what: "x", signal: AbortSignal.timeout(5_000) };
  const real = Date.now;
  Date.now = () => real() + shift;
  await pace.enter(waiter);
  pace.pause(20);
  await pace.enter(waiter);
  Date.now = real;
  const start = performance.now();
  await pace.enter(waiter);
  expect(performance.now() - start).toBeLessThan(1_000);
});
