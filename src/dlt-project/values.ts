/** Texts of environment variables as the types that settings have (dlt: deserialize_value). */
import { TidemarkError } from "../pipeline/errors";
import type { Json } from "../pipeline/spec";
import type { Found } from "./look-up";

export type SettingKind = "text" | "integer" | "boolean" | "list" | "object" | "any";

const TRUE = ["yes", "true", "t", "y", "1"];
const FALSE = ["no", "false", "f", "n", "0"];

/** @throws TidemarkError SPEC_INVALID, without the value: it may be a secret */
export function settingValue(found: Found, kind: SettingKind): Json {
  const value = convert(found.value, kind);
  if (value !== undefined) return value;
  throw new TidemarkError(
    "SPEC_INVALID",
    `The setting ${found.name} (${found.from === "env" ? "environment" : "TOML file"}) is not ${EXPECTED[kind]}.`,
    { dltException: "ConfigValueCannotBeCoercedException" },
  );
}

const EXPECTED: { [kind in SettingKind]: string } = {
  text: "a text",
  integer: "a whole number",
  boolean: `a truth value: one of ${[...TRUE, ...FALSE].join(", ")}`,
  list: "a list (in an environment variable: as JSON)",
  object: "a table (in an environment variable: as JSON)",
  any: "a value",
};

function convert(value: Json, kind: SettingKind): Json | undefined {
  switch (kind) {
    case "text":
      return typeof value === "object" ? undefined : String(value);
    case "integer": {
      const number = typeof value === "string" && /^\s*[+-]?\d+\s*$/.test(value) ? Number(value) : value;
      return Number.isSafeInteger(number) ? number : undefined;
    }
    case "boolean":
      return toBoolean(value);
    case "list":
      return fromJson(value, Array.isArray);
    case "object":
      return fromJson(value, one => typeof one === "object" && one !== null && !Array.isArray(one));
    case "any":
      return value;
  }
}

function toBoolean(value: Json): boolean | undefined {
  if (typeof value === "boolean") return value;
  if (typeof value === "number") return value !== 0;
  const word = typeof value === "string" ? value.toLowerCase() : "";
  return TRUE.includes(word) ? true : FALSE.includes(word) ? false : undefined;
}

function fromJson(value: Json, fits: (value: Json) => boolean): Json | undefined {
  if (typeof value !== "string") return fits(value) ? value : undefined;
  try {
    const parsed = JSON.parse(value) as Json;
    return fits(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
