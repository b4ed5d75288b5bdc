/** Whether the environment says which database is meant; offline. */
import { TidemarkError } from "../../pipeline/errors";
import type { JsonObject } from "../../pipeline/spec";
import type { Finding, Surroundings } from "../destination";
import { resolvePostgres } from "./spec";

export function checkEnvironment(around: Surroundings): Omit<Finding, "name"> {
  const variable = "DESTINATION__POSTGRES__CREDENTIALS";
  const given: JsonObject = around.env[variable] ? { credentials: { env: variable } } : {};
  try {
    const { place } = resolvePostgres({ type: "postgres", ...given }, around, undefined);
    return { ok: true, detail: `postgres, ${place}` };
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error;
    return { ok: false, detail: error.message, fix: "Set them in .env or where the worker runs." };
  }
}
