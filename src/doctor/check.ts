import type { Finding } from "../destinations/destination";

/** One thing that the doctor looked at. */
export interface Check {
  name: string;
  ok: boolean;
  /** A failed "error" makes the doctor fail; a failed "warning" is only said. */
  level: "error" | "warning";
  /** What was found. Never a value of an environment variable that may be secret. */
  detail: string;
  /** What to do; empty where nothing is to be done. */
  fix: string;
}

export function passed(name: string, detail: string): Check {
  return { name, ok: true, level: "error", detail, fix: "" };
}

export function failed(name: string, detail: string, fix: string): Check {
  return { name, ok: false, level: "error", detail, fix };
}

export function warned(name: string, detail: string, fix: string): Check {
  return { name, ok: false, level: "warning", detail, fix };
}

/** False where any check of level "error" failed. */
export function isHealthy(checks: Check[]): boolean {
  return checks.every(check => check.ok || check.level === "warning");
}

/** What a destination's own part of the doctor found. */
export function toCheck({ name, ok, detail, fix = "", isWarning }: Finding): Check {
  return { name, ok, level: isWarning ? "warning" : "error", detail, fix };
}
