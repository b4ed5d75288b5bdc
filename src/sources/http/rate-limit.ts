/**
 * What a server says of its limits: Retry-After, X-RateLimit-*, RateLimit-* and the RateLimit field of the IETF drafts.
 * Where dlt has a rule (Retry-After of a refused request) it is the same, but for waits beyond five minutes.
 */
import type { HttpResponse } from "./call";

/** A refused request without a word of when: GitHub's advice for its secondary limit. */
const UNSAID_MS = 60_000;
/** A spent budget after an answer that was given is waited for this long; later it is seen when it is refused. */
const MAX_FORESIGHT_MS = 60_000;
/** Never ask in the very second in which a budget begins anew: clocks differ. */
const MARGIN_MS = 500;
/** Whoever names a longer time is asked again after this one. */
const MAX_ANNOUNCED_MS = 24 * 60 * 60_000;
/** Long bodies are no refusals. */
const MAX_REFUSAL_BYTES = 16 * 1024;

/** 429, or GitHub's 403 whose headers or words say that it is a limit and no missing right. */
export function isRateLimited(response: HttpResponse): boolean {
  if (response.status === 429) return true;
  if (response.status !== 403) return false;
  if (retryAfterMs(response.header("retry-after"), Date.now()) !== undefined) return true;
  if (budget(response, Date.now())?.remaining === 0) return true;
  return response.body.length <= MAX_REFUSAL_BYTES && /rate limit/i.test(response.body.toString("latin1"));
}

/** How long a refusing server wants to be left alone; undefined: it does not say. */
export function announcedPauseMs(response: HttpResponse, now: number = Date.now()): number | undefined {
  const after = retryAfterMs(response.header("retry-after"), serverTime(response, now));
  if (after !== undefined) return Math.min(after, MAX_ANNOUNCED_MS);
  const spent = budget(response, now);
  if (spent !== undefined && (spent.remaining ?? 0) === 0 && spent.resetMs !== undefined)
    return Math.min(spent.resetMs + MARGIN_MS, MAX_ANNOUNCED_MS);
  return response.status === 403 ? UNSAID_MS : undefined;
}

/** The answer was given, and it was the last one of its budget. */
export function spentBudgetMs(response: HttpResponse, now: number = Date.now()): number | undefined {
  const spent = budget(response, now);
  if (spent?.remaining !== 0 || spent.resetMs === undefined || spent.resetMs > MAX_FORESIGHT_MS)
    return undefined;
  return spent.resetMs + MARGIN_MS;
}

/** A positive number of seconds, or a date ahead. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  if (/^\s*\d+\s*$/.test(header)) {
    const seconds = Number(header);
    return seconds > 0 ? seconds * 1000 : undefined;
  }
  const date = Date.parse(header);
  return Number.isNaN(date) || date <= now ? undefined : date - now;
}

interface Budget {
  remaining?: number;
  /** From now. */
  resetMs?: number;
}

const PREFIXES = ["x-ratelimit-", "ratelimit-", "x-rate-limit-"];

function budget(response: HttpResponse, now: number): Budget | undefined {
  for (const prefix of PREFIXES) {
    const remaining = numberOf(response.header(`${prefix}remaining`));
    const after = numberOf(response.header(`${prefix}reset-after`));
    const reset = response.header(`${prefix}reset`);
    if (remaining === undefined && after === undefined && reset === undefined) continue;
    const resetMs =
      after === undefined ? resetOf(reset, serverTime(response, now)) : Math.max(0, after * 1000);
    return {
      ...(remaining === undefined ? {} : { remaining }),
      ...(resetMs === undefined ? {} : { resetMs }),
    };
  }
  return ofField(response.header("ratelimit"));
}

/** `limit=100, remaining=0, reset=30`, or `"default";r=0;t=30`. */
function ofField(field: string | undefined): Budget | undefined {
  if (field === undefined) return undefined;
  const value = (...names: string[]) =>
    numberOf(new RegExp(`(?:^|[;,\\s])(?:${names.join("|")})=(\\d+)`, "i").exec(field)?.[1]);
  const remaining = value("remaining", "r");
  const reset = value("reset", "t");
  if (remaining === undefined) return undefined;
  return { remaining, ...(reset === undefined ? {} : { resetMs: reset * 1000 }) };
}

/** Seconds from now, seconds or milliseconds since 1970, or a date. */
function resetOf(reset: string | undefined, now: number): number | undefined {
  if (reset === undefined) return undefined;
  const value = numberOf(reset);
  if (value === undefined) {
    const date = Date.parse(reset);
    return Number.isNaN(date) ? undefined : Math.max(0, date - now);
  }
  if (value < 1e9) return value * 1000;
  return Math.max(0, (value < 1e12 ? value * 1000 : value) - now);
}

/** Times since 1970 are those of the server's clock. */
function serverTime(response: HttpResponse, now: number): number {
  const date = Date.parse(response.header("date") ?? "");
  return Number.isNaN(date) ? now : date;
}

function numberOf(text: string | undefined): number | undefined {
  // Several limits in one header: the first is the one that counts (as the drafts have it).
  const first = (text ?? "").split(",")[0]!.trim();
  return /^\d+(\.\d+)?$/.test(first) ? Number(first) : undefined;
}
