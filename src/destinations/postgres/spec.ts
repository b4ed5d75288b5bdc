/**
 * A PostgreSQL destination as a user writes it, and what dlt's settings and libpq's variables add. Whatever may hold a
 * password stays a reference in the resolved spec; where the database is stands there in words, since it names the place.
 */
import { z } from "zod";
import { TidemarkError } from "../../pipeline/errors";
import { isSecretRef } from "../../pipeline/secret-ref";
import type { DestinationSpec, Json, JsonObject, SecretRef } from "../../pipeline/spec";
import { PARAMETERS } from "../../postgres-connection/connection-parameters";
import {
  type ConnectionSettings,
  CREDENTIAL_FIELDS,
  CREDENTIAL_KEYS,
  readCredentials,
} from "../../postgres-connection/credentials";
import type { DestinationSetting, Surroundings } from "../destination";
import {
  identifierLengths,
  SHARED_DEFAULTS,
  SHARED_SETTINGS,
  secret,
  sharedOptions,
  swapLiteral,
  text,
} from "../option-shapes";
import { POSTGRES_CAPABILITIES } from "./capabilities";

export interface PostgresDestination extends DestinationSpec {
  type: "postgres";
  /** A DSN, or dlt's fields or libpq's parameters by name. References in a spec, texts once they are looked up. */
  credentials?: Json;
  /** libpq's variables (PGHOST, …) of the environment, without the password. */
  variables: { [name: string]: string };
  /** PGPASSWORD. */
  password?: SecretRef | string;
  /** host:port/database, as far as it can be told without a secret: two destinations of the same place are the same. */
  place: string;
}

const CREDENTIAL_WORDS: { [key: string]: string } = {
  drivername: "postgresql, or postgres",
  username: "As user",
  database: "As dbname",
};
const wordsOf = (key: string): string =>
  PARAMETERS[key]?.does ?? "As in libpq; refused where this client cannot do it";

const plain = z.union([z.string(), z.number(), z.boolean()]);

export const postgresShape = z.strictObject({
  type: z.literal("postgres"),
  credentials: z
    .union([
      secret,
      z.strictObject({
        ...Object.fromEntries(
          CREDENTIAL_KEYS.map(key => [
            key,
            z
              .union([plain, secret])
              .optional()
              .describe(CREDENTIAL_WORDS[key] ?? wordsOf(key)),
          ]),
        ),
        query: z.record(z.string(), plain).optional().describe("Parameters of the DSN, by libpq's names"),
      }),
    ])
    .optional()
    .describe(
      "A DSN by reference, or dlt's fields and libpq's parameters; default: libpq's variables (PGHOST, …)",
    ),
  /** Only where the credentials cannot be read when a spec is resolved. */
  place: text
    .optional()
    .describe("host:port/database, only where the credentials cannot be read when a spec is resolved"),
  ...sharedOptions,
  ...identifierLengths,
});

/** dlt: ConnectionStringCredentials below `destination.postgres.credentials`, whole or field by field. */
export const POSTGRES_SETTINGS: readonly DestinationSetting[] = [
  ...SHARED_SETTINGS,
  { key: "credentials", option: "place", kind: "text", secret: true, parse: placeIn },
  { key: "credentials", kind: "text", secret: true, reference: true, parse: ofPostgres },
  ...CREDENTIAL_FIELDS.map(
    (key): DestinationSetting => ({
      key,
      option: `credentials.${key}`,
      within: "credentials",
      kind: key === "query" ? "object" : "text",
      secret: key === "password",
      reference: key === "password",
    }),
  ),
];

const DSN = /^postgres(ql)?(\+\w+)?:\/\/|^\w+\s*=/;

/** Credentials without a section may be another destination's. */
function ofPostgres(value: Json, name: string): Json | undefined {
  return DSN.test(String(value)) || /postgres/i.test(name) ? value : undefined;
}

function placeIn(value: Json, name: string): string | undefined {
  return ofPostgres(value, name) === undefined ? undefined : placeOf(readOffline(value, {}));
}

const PASSWORD = "PGPASSWORD";
/** What libpq reads of an environment; HOME is where its files are. */
const VARIABLES = [
  ...Object.values(PARAMETERS).flatMap(({ env }) => (env === undefined ? [] : [env])),
  "PGSYSCONFDIR",
  "HOME",
].filter(name => name !== PASSWORD);
/** Any of them says that a database is meant. */
const TELLING = ["PGHOST", "PGHOSTADDR", "PGDATABASE", "PGSERVICE"];

/** @throws TidemarkError SPEC_INVALID, SPEC_HOLDS_SECRET */
export function resolvePostgres(
  given: JsonObject,
  { env }: Surroundings,
  file: string | undefined,
): PostgresDestination {
  const { credentials, ...options } = given;
  if (credentials === undefined && !TELLING.some(name => env[name])) {
    throw new TidemarkError(
      "SPEC_INVALID",
      "destination has no credentials; set DESTINATION__POSTGRES__CREDENTIALS to postgresql://user:password@host:5432/database, or PGHOST, PGDATABASE, PGUSER and PGPASSWORD.",
    );
  }
  const variables = Object.fromEntries(
    VARIABLES.flatMap(name => (env[name] ? [[name, env[name]] as [string, string]] : [])),
  );
  return {
    ...SHARED_DEFAULTS,
    // dlt's default on PostgreSQL
    create_indexes: true,
    max_identifier_length: POSTGRES_CAPABILITIES.max_identifier_length,
    max_column_identifier_length: POSTGRES_CAPABILITIES.max_column_identifier_length,
    ...options,
    casefold_identifier: "lower",
    type: "postgres",
    place: placeFrom(credentials, env, variables) ?? String(options.place ?? JSON.stringify(credentials)),
    ...(credentials === undefined ? {} : { credentials: withoutLiterals(credentials, file) }),
    variables,
    ...(env[PASSWORD] ? { password: { env: PASSWORD } } : {}),
  };
}

/** Told from what is readable here; a secret in dlt's files was read when it was found (POSTGRES_SETTINGS). */
function placeFrom(
  credentials: Json | undefined,
  env: Surroundings["env"],
  variables: { [name: string]: string },
): string | undefined {
  const looked = lookedUp(credentials ?? {}, env);
  return looked === undefined ? undefined : placeOf(readOffline(looked, variables));
}

/** Undefined where a reference of the whole cannot be looked up here. */
function lookedUp(credentials: Json, env: Surroundings["env"]): Json | undefined {
  if (isSecretRef(credentials)) return "env" in credentials ? env[credentials.env] : undefined;
  if (typeof credentials !== "object" || credentials === null || Array.isArray(credentials))
    return credentials;
  const fields = Object.entries(credentials).map(([key, value]) => [
    key,
    isSecretRef(value) ? ("env" in value ? (env[value.env] ?? "") : "") : value,
  ]);
  return Object.fromEntries(fields) as JsonObject;
}

/** No file is read: the spec may be resolved where the database is not reached from. */
function readOffline(credentials: Json, variables: { [name: string]: string }): ConnectionSettings {
  try {
    return readCredentials(credentials, variables);
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error;
    throw new TidemarkError("SPEC_INVALID", `destination.credentials: ${error.message}`);
  }
}

function placeOf({ hosts, database }: ConnectionSettings): string {
  return `${hosts.map(({ host, port }) => `${host.toLowerCase()}:${port}`).join(",")}/${database}`;
}

function withoutLiterals(credentials: Json, file: string | undefined): Json {
  const example = "POSTGRES_CREDENTIALS";
  if (typeof credentials === "string")
    return swapLiteral("credentials", "/destination/credentials", file, example);
  if (isSecretRef(credentials)) return credentials;
  const fields = Object.entries(credentials as JsonObject).map(([key, value]) =>
    /password/.test(key) && typeof value === "string"
      ? [key, swapLiteral(`credentials.${key}`, `/destination/credentials/${key}`, file, "POSTGRES_PASSWORD")]
      : [key, value],
  );
  return Object.fromEntries(fields) as JsonObject;
}

/** @param spec with its secrets looked up @throws TidemarkError SQL_UNAUTHORIZED, SQL_SETTINGS */
export function connectionOf(spec: PostgresDestination): ConnectionSettings {
  const { credentials = {}, variables, password } = spec;
  return readCredentials(credentials, {
    ...variables,
    ...(password === undefined ? {} : { [PASSWORD]: String(password) }),
  });
}
