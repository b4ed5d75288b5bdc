/** How a spec names a secret instead of holding it (design law 1: secrets never enter history). */
import type { JsonObject, SecretRef } from "./spec";

/**
 * Names of environment variables are upper-case here, as dlt's are: `{ "env": "prod" }` in the JSON body of a request
 * is data of that request, `{ "env": "API_TOKEN" }` anywhere is a reference.
 */
const VARIABLE = /^[A-Z_][A-Z0-9_]*$/;

export function isSecretRef(value: unknown): value is SecretRef {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return false;
  const [key, ...others] = Object.keys(value);
  if (key === undefined || others.length > 0) return false;
  const inner = (value as JsonObject)[key];
  if (key === "env") return typeof inner === "string" && VARIABLE.test(inner);
  if (key === "dlt_secret") return typeof inner === "string";
  return key === "spec_ref" && inner !== null && typeof inner === "object";
}
