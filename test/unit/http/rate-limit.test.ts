import { announcedPauseMs, isRateLimited, spentBudgetMs } from "../../../src/sources/http/rate-limit";
import { ask, closeServers, failure, serve } from "./servers";

afterEach(closeServers);

const NOW = Date.parse("2026-01-01T00:00:00Z");
const EPOCH = NOW / 1000;

function response(status: number, headers: { [name: string]: string }, body = "{}") {
  const lower = new Map(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
  return { status, body: Buffer.from(body), header: (name: string) => lower.get(name.toLowerCase()) };
}

test.each<[string, number, { [name: string]: string }, number | undefined]>([
  ["Retry-After in seconds", 429, { "Retry-After": "30" }, 30_000],
  ["Retry-After as a date", 429, { "Retry-After": "Thu, 01 Jan 2026 00:01:00 GMT" }, 60_000],
  ["Retry-After of more than five minutes", 429, { "Retry-After": "1800" }, 1_800_000],
  ["Retry-After of a year", 429, { "Retry-After": "31536000" }, 86_400_000],
  ["Retry-After 0", 429, { "Retry-After": "0" }, undefined],
  ["nothing", 429, {}, undefined],
  ["GitHub's budget", 403, { "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": `${EPOCH + 90}` }, 90_500],
  ["GitHub's second limit", 403, { "Retry-After": "60" }, 60_000],
  [
    "a budget as milliseconds since 1970",
    429,
    { "X-Rate-Limit-Remaining": "0", "X-Rate-Limit-Reset": `${NOW + 9000}` },
    9_500,
  ],
  ["a budget as seconds from now", 429, { "RateLimit-Remaining": "0", "RateLimit-Reset": "7" }, 7_500],
  ["a budget as a date", 429, { "X-RateLimit-Reset": "2026-01-01T00:00:10Z" }, 10_500],
  [
    "a budget with a fraction",
    429,
    { "X-RateLimit-Remaining": "0", "X-RateLimit-Reset-After": "1.5" },
    2_000,
  ],
  ["the drafts' field", 429, { RateLimit: "limit=100, remaining=0, reset=20" }, 20_500],
  ["the newer drafts' field", 429, { RateLimit: '"default";r=0;t=20' }, 20_500],
  ["a reset that is over", 429, { "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": `${EPOCH - 90}` }, 500],
  [
    "a budget that is not spent",
    429,
    { "X-RateLimit-Remaining": "10", "X-RateLimit-Reset": `${EPOCH + 3600}` },
    undefined,
  ],
  [
    "a server whose clock is an hour ahead",
    429,
    {
      "X-RateLimit-Remaining": "0",
      "X-RateLimit-Reset": `${EPOCH + 3630}`,
      Date: "Thu, 01 Jan 2026 01:00:00 GMT",
    },
    30_500,
  ],
])("a pause is announced by %s", (_, status, headers, expected) => {
  const refusal = response(status, headers);
  expect(isRateLimited(refusal)).toBe(true);
  expect(announcedPauseMs(refusal, NOW)).toBe(expected);
});

test.each<[string, number, { [name: string]: string }, string, boolean]>([
  ["403 with a budget left", 403, { "X-RateLimit-Remaining": "4999" }, "{}", false],
  ["403 without a word", 403, {}, '{"message": "Must have admin rights"}', false],
  ["403 that says so", 403, {}, '{"message": "You have exceeded a secondary rate limit."}', true],
  ["401 with a spent budget", 401, { "X-RateLimit-Remaining": "0" }, "{}", false],
  ["503", 503, { "Retry-After": "5" }, "{}", false],
])("%s is a rate limit: %#", (_, status, headers, body, expected) => {
  expect(isRateLimited(response(status, headers, body))).toBe(expected);
});

test("403 that only says so waits for a minute", () => {
  expect(announcedPauseMs(response(403, {}, "API rate limit exceeded"), NOW)).toBe(60_000);
});

test("the last answer of a budget is a pause too, when it is a short one", () => {
  const given = (seconds: number, remaining = "0") =>
    spentBudgetMs(
      response(200, { "X-RateLimit-Remaining": remaining, "X-RateLimit-Reset": `${EPOCH + seconds}` }),
      NOW,
    );
  expect([given(5), given(3600), given(5, "1")]).toEqual([5_500, undefined, undefined]);
});

test("GitHub's 403 is waited for and tried again, and the wait is told with its end", async () => {
  let hits = 0;
  const base = await serve((_, response_) => {
    hits++;
    const reset = Math.floor(Date.now() / 1000) + 1;
    if (hits === 1)
      response_.writeHead(403, { "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": String(reset) });
    response_.end("[1]");
  });
  const waits: string[] = [];
  expect(await ask(base, { attempts: 2, onWait: what => waits.push(what) })).toBe("[1]");
  expect(hits).toBe(2);
  expect(waits[0]).toMatch(
    /the source asks for a pause until \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC; \d s left$/,
  );
});

test("at the last attempt it is transient, tells the end, and is no matter of credentials", async () => {
  const base = await serve((_, response_) => response_.writeHead(403, { "Retry-After": "120" }).end());
  const error = await failure(ask(base));
  expect(error).toMatchObject({ code: "HTTP_RETRYABLE_STATUS", kind: "transient", retryAfterMs: 120_000 });
  expect(error.message).toMatch(
    /answered 403 Forbidden: its rate limit is reached; it asks for a pause until 20.* UTC/,
  );
  expect(error.message).not.toContain("Check the token");
});

test("a pause of hours is left to the run: nobody is held for it", async () => {
  const base = await serve((_, response_) => response_.writeHead(429, { "Retry-After": "20000" }).end());
  const error = await failure(ask(base, { attempts: 5 }));
  expect(error.code).toBe("HTTP_RETRYABLE_STATUS");
  expect(error.retryAfterMs).toBeGreaterThan(19_000_000);
  expect(error.message).toMatch(/asks for a pause until .* the run goes on then/);
});
