/** Where a dlt program loads to, as a spec says it: what stands in its code, else dlt's settings. */
import { relative, resolve } from "node:path";
import type { Json, JsonObject } from "../pipeline/spec";
import { lookUp, lookUpPath } from "./look-up";
import { type DltSettings, isTable } from "./settings-files";

/**
 * @param given arguments of `dlt.pipeline` and `run`
 * @param places `folder` where the program runs, `cwd` of the spec
 * @param file for a placeholder, which no check lets through
 */
export function destination(
  pipeline: string,
  given: JsonObject,
  settings: DltSettings,
  { folder, cwd }: { folder: string; cwd: string },
  file: string,
): JsonObject {
  const look = (key: string) => lookUp(settings, { key, sections: ["pipelines", pipeline], pipeline })?.value;
  const code = (isTable(given.destination) ? given.destination : {}) as JsonObject;
  if (code.unknown !== undefined) return { destination: { type: `not understood: ${file}:${code.unknown}` } };
  const type = code.destination_type ?? code.destination_name ?? look("destination_type");
  const name = code.destination_name ?? look("destination_name") ?? type;
  if (typeof type !== "string" || typeof name !== "string") return {};
  const named = lookUpPath(settings, `destination.${name}.destination_type`);
  const short = String(named ?? type)
    .split(".")
    .at(-1)!;
  const { destination_type, destination_name, ...others } = code;
  const options = Object.fromEntries(
    Object.entries({ ...others, credentials: given.credentials ?? others.credentials ?? null }).filter(
      ([, value]) => value !== null,
    ),
  );
  switch (short) {
    case "databricks":
      return { destination: "databricks" };
    case "postgres":
      return { destination: postgres(name, options, settings, pipeline) };
    case "duckdb":
      return { destination: duckdb(name, options, settings, pipeline, { folder, cwd }) };
    default:
      // One that is not known is refused by the check.
      return { destination: { type: short } };
  }
}

/** Credentials that the code leaves out are looked up when the spec runs, by dlt's names. */
function postgres(
  name: string,
  { credentials, ...options }: JsonObject,
  settings: DltSettings,
  pipeline: string,
): Json {
  const short = name.split(".").at(-1)!;
  const made: JsonObject = { ...(short === "postgres" ? {} : { destination_name: name }), ...options };
  // The first name that dlt looks at for this pipeline: another destination's credentials never stand in for it.
  const setting = `${pipeline}.destination.${short}.credentials`;
  if (credentials !== undefined) made.credentials = named(credentials, settings, setting);
  return Object.keys(made).length === 0 ? "postgres" : { type: "postgres", ...made };
}

/** Secrets that stand in the code by the name of a setting that has them, else of the one where they belong. */
function named(credentials: Json, settings: DltSettings, setting: string): Json {
  if (typeof credentials === "string") {
    return nameOf(credentials, settings) ?? named(partsOf(credentials) ?? null, settings, setting);
  }
  if (credentials === null) return { dlt_secret: setting };
  if (!isTable(credentials) || typeof credentials.password !== "string") return credentials;
  const { password, ...others } = credentials;
  return {
    ...others,
    password: nameOf(password as string, settings) ?? { dlt_secret: `${setting}.password` },
  };
}

/** dlt's fields of a URL. undefined: not one that can be taken apart without loss. */
function partsOf(dsn: string): JsonObject | undefined {
  const parts =
    /^postgres(?:ql)?:\/\/(?:([^:@/]*)(?::([^@/]*))?@)?([\w.-]+)(?::(\d+))?\/([^?#]+)(?:\?([^#]*))?$/.exec(
      dsn,
    );
  if (parts === null) return undefined;
  try {
    const [username, password, host, port, database] = parts
      .slice(1, 6)
      .map(part => (part ? decodeURIComponent(part) : undefined));
    const query = Object.fromEntries(new URLSearchParams(parts[6] ?? ""));
    const fields = {
      username,
      password,
      host,
      port: port === undefined ? undefined : Number(port),
      database,
      query: Object.keys(query).length === 0 ? undefined : query,
    };
    return Object.fromEntries(
      Object.entries(fields).filter(([, value]) => value !== undefined),
    ) as JsonObject;
  } catch {
    return undefined;
  }
}

/** Shorter values may be there by chance. */
const LEAST_SECRET = 6;

/** The setting, or the variable, that has this very value now. */
function nameOf(value: string, { secrets, env }: DltSettings): JsonObject | undefined {
  if (value.length < LEAST_SECRET) return undefined;
  const variable = Object.keys(env).find(name => env[name] === value);
  if (variable !== undefined) return { env: variable };
  const path = pathOf(value, secrets);
  return path === undefined ? undefined : { dlt_secret: path.join(".") };
}

function pathOf(value: string, table: JsonObject): string[] | undefined {
  for (const [key, inner] of Object.entries(table)) {
    if (inner === value) return [key];
    const below = isTable(inner) ? pathOf(value, inner) : undefined;
    if (below !== undefined) return [key, ...below];
  }
  return undefined;
}

/** dlt's DuckDB file is `<destination or pipeline name>.duckdb` in the folder where the program runs. */
function duckdb(
  name: string,
  { credentials, ...options }: JsonObject,
  settings: DltSettings,
  pipeline: string,
  { folder, cwd }: { folder: string; cwd: string },
): Json {
  const sections = ["destination", name];
  const database =
    credentials ??
    lookUp(settings, { key: "credentials", sections, pipeline, secret: true })?.value ??
    lookUp(settings, { key: "database", sections, within: "credentials", pipeline })?.value;
  const path =
    typeof database === "string"
      ? database.replace(/^duckdb:\/\/\//, "")
      : `${name === "duckdb" ? pipeline : name}.duckdb`;
  return { type: "duckdb", path: relative(cwd, resolve(folder, path)), ...options };
}

/** Settings that have to be made of what stands in the code: by name in the spec, and nowhere yet. */
export function missingSettings(made: Json, settings: DltSettings): string[] {
  if (Array.isArray(made)) return made.flatMap(inner => missingSettings(inner, settings));
  if (!isTable(made)) return [];
  const { dlt_secret: name } = made;
  if (typeof name === "string") return lookUpPath(settings, name) === undefined ? [name] : [];
  return Object.values(made).flatMap(inner => missingSettings(inner as Json, settings));
}
