/**
 * A Databricks destination as a user writes it, and what the environment adds: DATABRICKS_* and dlt's own names. Tokens
 * never become part of the resolved spec: it names the variable that the worker looks up.
 */
import { z } from "zod";
import { TidemarkError } from "../../pipeline/errors";
import { isSecretRef } from "../../pipeline/secret-ref";
import type { DestinationSpec, Json, JsonObject, SecretRef } from "../../pipeline/spec";
import type { DestinationSetting } from "../destination";
import { SHARED_DEFAULTS, SHARED_SETTINGS, secret, sharedOptions, swapLiteral, text } from "../option-shapes";
import { configFile, readProfile } from "./cli-profile";

type Env = { readonly [name: string]: string | undefined };

/** dlt's names where dlt has the option; its credentials are on the same level. */
export interface DatabricksDestination extends DestinationSpec {
  type: "databricks";
  /** Host of the workspace, without https://. */
  server_hostname: string;
  /** Of the SQL warehouse, e.g. /sql/1.0/warehouses/abc; "" where the task's session is all that there is. */
  http_path: string;
  catalog: string;
  /** Personal access token: a reference in the spec, the text itself once the worker has looked it up. */
  access_token?: SecretRef | string;
  /** In place of a token: a service principal (OAuth machine-to-machine). */
  client_id?: SecretRef | string;
  client_secret?: SecretRef | string;
  /** In place of both: a profile of the Databricks CLI, read where the worker runs. */
  profile?: string;
  /** Where the profile stands; absent: .databrickscfg in the home folder. */
  config_file?: string;
  /** Default 443. */
  port?: number;
  /** PEM file of a certificate authority to trust besides the known ones. */
  ca_file?: string;
  session_configuration?: { [setting: string]: string };
  /** PRIMARY KEY and FOREIGN KEY (informational there). */
  create_indexes: boolean;
  /** Comments of tables and columns; default true. */
  create_comments?: boolean;
  /** `catalog.schema.volume` in place of `_dlt_staging_load_volume` in the dataset. It must exist. */
  staging_volume_name?: string;
  /** Leave staged files in the Volume after the load; default false (dlt: true). */
  keep_staged_files?: boolean;
  /** How files come into the Volume: over the Files REST API (default), or by PUT statements. */
  staging_upload?: "files_api" | "put";
  /** dlt: staged files are in an external location and need no credential. Needs a bucket as staging. */
  is_staging_external_location?: boolean;
  /**
   * "spark": rows travel in INSERT statements, without Volume and COPY INTO, for a cluster that lacks them; default
   * "warehouse". Tables and rows are the same.
   */
  load_mode?: "warehouse" | "spark";
  /** Never written by users: where the Spark session of this task or notebook is served (task-session.ts). */
  session_url?: string;
  session_token?: SecretRef | string;
  /** json columns as STRING (default, as dlt) or VARIANT. */
  json_type?: "string" | "variant";
  /** Several statements in one request (SQL scripting); default true, given up where the server cannot. */
  sql_scripting?: boolean;
  /** Sessions at the same time; default 8. */
  max_sessions?: number;
  /** How long to wait for a warehouse that is starting; default 900. */
  start_timeout_seconds?: number;
}

export const LOAD_MODES = ["warehouse", "spark"] as const;
const loadModeSchema = z.enum(LOAD_MODES);
/** Fields of dlt's credentials that go to the Python connector, and what there is instead. */
const PYTHON_ONLY = {
  connection_parameters:
    "settings of the session stand in session_configuration, with max_sessions and start_timeout_seconds beside it",
  http_headers: "leave it out",
  socket_timeout: "statements are waited for as long as they run; see start_timeout_seconds",
  user_agent_entry: "statements are marked tidemark/<version>",
} as const;
const refusal = (field: keyof typeof PYTHON_ONLY): string =>
  `is for dlt's Python connector and has no effect here; ${PYTHON_ONLY[field]}`;
const pythonOnly = (field: keyof typeof PYTHON_ONLY) => z.never({ error: refusal(field) }).optional();
const connection = {
  server_hostname: text
    .optional()
    .describe("Host of the workspace, without https://; default: DATABRICKS_HOST"),
  http_path: text
    .optional()
    .describe("Of the SQL warehouse, for example /sql/1.0/warehouses/abc; default: DATABRICKS_HTTP_PATH"),
  catalog: text.optional().describe("Unity Catalog's catalog; default: DATABRICKS_CATALOG"),
  access_token: secret.optional().describe("Personal access token; default: DATABRICKS_TOKEN"),
  client_id: secret
    .optional()
    .describe("In place of a token: a service principal; default: DATABRICKS_CLIENT_ID"),
  client_secret: secret.optional().describe("Of the service principal; default: DATABRICKS_CLIENT_SECRET"),
  profile: text
    .optional()
    .describe(
      "In place of token and principal: a profile of the Databricks CLI (`databricks auth login`), which may name host and warehouse too; default: DATABRICKS_CONFIG_PROFILE where there is neither",
    ),
  config_file: text
    .optional()
    .describe(
      "File with the profile; default: DATABRICKS_CONFIG_FILE, else .databrickscfg in the home folder",
    ),
  port: z.int().min(1).max(65535).optional().describe("Default: 443"),
  ca_file: text.optional().describe("PEM file of an authority that is trusted besides the known ones"),
  session_configuration: z
    .record(z.string(), z.string())
    .optional()
    .describe("Settings of each session, by name"),
  /** dlt: the session's time zone, e.g. UTC. */
  session_timezone: text.optional().describe("Time zone of each session, for example UTC"),
  connection_parameters: pythonOnly("connection_parameters").describe("Refused: for dlt's Python connector"),
  http_headers: pythonOnly("http_headers").describe("Refused: for dlt's Python connector"),
  socket_timeout: pythonOnly("socket_timeout").describe("Refused: for dlt's Python connector"),
  user_agent_entry: pythonOnly("user_agent_entry").describe("Refused: for dlt's Python connector"),
};

/** The destination part of a spec document; dlt's `credentials` may be nested or on the same level. */
export const databricksShape = z.strictObject({
  type: z.literal("databricks"),
  ...sharedOptions,
  ...connection,
  credentials: z
    .strictObject(connection)
    .optional()
    .describe("dlt's way to write the keys of the connection: below credentials, or beside it"),
  create_comments: z.boolean().optional().describe("Comments of tables and columns; default true"),
  staging_volume_name: z
    .string()
    .regex(/^[^.\s/]+\.[^.\s/]+\.[^.\s/]+$/, "must be catalog.schema.volume")
    .optional()
    .describe(
      "catalog.schema.volume for files on their way; default: _dlt_staging_load_volume in the dataset",
    ),
  keep_staged_files: z
    .boolean()
    .optional()
    .describe("Files stay in the Volume after the load; default false"),
  staging_upload: z
    .enum(["files_api", "put"])
    .optional()
    .describe("How files come into the Volume; default: files_api"),
  is_staging_external_location: z.boolean().optional().describe("Refused: files are staged in a Volume"),
  load_mode: loadModeSchema
    .optional()
    .describe(
      "spark: rows travel in INSERT statements, for a cluster without Volume and COPY INTO; default: warehouse",
    ),
  json_type: z.enum(["string", "variant"]).optional().describe("Type of json columns; default: string"),
  sql_scripting: z
    .boolean()
    .optional()
    .describe("Several statements in one request; default true, given up where the server cannot"),
  max_sessions: z
    .int()
    .min(1)
    .max(64)
    .optional()
    .describe("Sessions at the same time, of a worker; default: 8"),
  start_timeout_seconds: z
    .number()
    .min(0)
    .optional()
    .describe("How long a warehouse that starts is waited for; default: 900"),
});

/** Variables per field, the first that is set wins; a field in the spec wins over all. */
const VARIABLES = {
  server_hostname: ["DATABRICKS_HOST", "DATABRICKS_SERVER_HOSTNAME"],
  http_path: ["DATABRICKS_HTTP_PATH"],
  catalog: ["DATABRICKS_CATALOG"],
  access_token: ["DATABRICKS_TOKEN", "DATABRICKS_ACCESS_TOKEN"],
  client_id: ["DATABRICKS_CLIENT_ID"],
  client_secret: ["DATABRICKS_CLIENT_SECRET"],
  ca_file: ["DATABRICKS_CA_FILE"],
  session_timezone: [],
} as const;

/** Set by bundle/spark_session.py for the command that it starts. */
const SESSION_URL = "DATABRICKS_SESSION_URL";
const SESSION_TOKEN = "DATABRICKS_SESSION_TOKEN";

type Field = keyof typeof VARIABLES;
const ACCOUNT: readonly Field[] = ["access_token", "client_id", "client_secret"];
const SECRETS: readonly Field[] = ["access_token", "client_secret"];

/** dlt's names of a credential, most specific first. */
function dltVariables(field: string): string[] {
  const name = field.toUpperCase();
  return [`DESTINATION__DATABRICKS__CREDENTIALS__${name}`, `DESTINATION__CREDENTIALS__${name}`];
}

/** dlt's names of a credential, then ours. */
const variablesOf = (field: Field): string[] => [...dltVariables(field), ...VARIABLES[field]];

/** dlt's names of options that are no credentials. */
const OPTIONS: { [option: string]: "text" | "boolean" } = {
  replace_strategy: "text",
  staging_volume_name: "text",
  staging_dataset_name_layout: "text",
  load_mode: "text",
  create_indexes: "boolean",
  create_comments: "boolean",
  keep_staged_files: "boolean",
  is_staging_external_location: "boolean",
};

/**
 * @param given the checked document, or `{ type }` alone
 * @param file the spec's file; absent for an inline spec, whose literals would stand in history
 * @throws TidemarkError SPEC_INVALID naming every field that is missing, SPEC_HOLDS_SECRET
 */
export function resolveDatabricks(
  given: JsonObject,
  env: Env,
  file: string | undefined,
): DatabricksDestination {
  const { credentials, ...rest } = given;
  const spec: { [field: string]: unknown } = { ...(credentials as JsonObject | undefined), ...rest };
  for (const field of SECRETS) {
    const value = spec[field] as Json | undefined;
    if (typeof value !== "string") continue;
    const nested = typeof (credentials as JsonObject | undefined)?.[field] === "string";
    const pointer = nested ? `/destination/credentials/${field}` : `/destination/${field}`;
    spec[field] = swapLiteral(field, pointer, file, "DATABRICKS_TOKEN");
  }
  for (const field of Object.keys(VARIABLES) as Field[]) {
    // Who is asked for in the spec wins over who the environment names.
    if (spec[field] !== undefined || (spec.profile !== undefined && ACCOUNT.includes(field))) continue;
    const variable = variablesOf(field).find(name => env[name]);
    if (variable !== undefined) spec[field] = SECRETS.includes(field) ? { env: variable } : env[variable];
  }
  for (const [option, kind] of Object.entries(OPTIONS)) {
    const value = env[`DESTINATION__DATABRICKS__${option.toUpperCase()}`];
    if (spec[option] !== undefined || !value) continue;
    spec[option] = kind === "text" ? value : /^(true|1|yes)$/i.test(value);
  }
  // what an app or a job of the workspace is given in place of the path
  if (spec.http_path === undefined && env.DATABRICKS_WAREHOUSE_ID) {
    spec.http_path = `/sql/1.0/warehouses/${env.DATABRICKS_WAREHOUSE_ID}`;
  }
  if (env[SESSION_URL]) {
    spec.session_url = loopback(env[SESSION_URL]);
    spec.session_token = { env: SESSION_TOKEN };
    // there is no other way then
    if (!spec.http_path) spec.load_mode ??= "spark";
  }
  const named = ACCOUNT.some(field => spec[field] !== undefined);
  if (spec.profile === undefined && !named && env.DATABRICKS_CONFIG_PROFILE)
    spec.profile = env.DATABRICKS_CONFIG_PROFILE;
  if (spec.profile !== undefined) fillFromProfile(spec, env);
  if (spec.load_mode !== undefined && !loadModeSchema.safeParse(spec.load_mode).success) {
    throw new TidemarkError(
      "SPEC_INVALID",
      "DESTINATION__DATABRICKS__LOAD_MODE must be warehouse or spark. Correct or unset it.",
    );
  }
  if (spec.session_timezone !== undefined) {
    // as dlt has it (1.31): a warehouse has no ear for the parameter TIMEZONE when a session is opened
    spec.session_configuration = {
      "spark.sql.session.timeZone": spec.session_timezone,
      ...(spec.session_configuration as JsonObject | undefined),
    };
  }
  delete spec.session_timezone;
  for (const field of Object.keys(PYTHON_ONLY) as (keyof typeof PYTHON_ONLY)[]) {
    const variable = dltVariables(field).find(name => env[name]);
    if (variable !== undefined) {
      throw new TidemarkError("SPEC_INVALID", `${variable} ${refusal(field)}. Unset it.`);
    }
  }
  const [name, port] = hostAndPort(spec.server_hostname);
  spec.server_hostname = name;
  if (port !== undefined && spec.port === undefined) spec.port = Number(port);
  requireFields(spec);
  return {
    ...SHARED_DEFAULTS,
    ...spec,
    type: "databricks",
  } as unknown as DatabricksDestination;
}

/** @throws TidemarkError SPEC_INVALID: the token goes to this machine only */
function loopback(url: string): string {
  if (/^http:\/\/127\.0\.0\.1:\d{1,5}$/.test(url)) return url;
  throw new TidemarkError(
    "SPEC_INVALID",
    `${SESSION_URL} must be http://127.0.0.1:<port>, as bundle/spark_session.py sets it. Unset it.`,
  );
}

const hostAndPort = (host: unknown): string[] =>
  String(host ?? "")
    .replace(/^https?:\/\//, "")
    .replace(/\/.*$/, "")
    .split(":");

/** @throws TidemarkError SPEC_INVALID: beside other credentials, no such profile, or one of another workspace */
function fillFromProfile(spec: { [field: string]: unknown }, env: Env): void {
  const others = ACCOUNT.filter(field => spec[field] !== undefined);
  if (others.length > 0) {
    throw new TidemarkError(
      "SPEC_INVALID",
      `destination.profile stands beside ${others.join(" and ")}: leave one of them out.`,
    );
  }
  const file = spec.config_file ?? configFile(env);
  if (file !== undefined) spec.config_file = file;
  const profile = String(spec.profile);
  const { host, warehouse_id } = readProfile({
    profile,
    ...(file === undefined ? {} : { config_file: String(file) }),
  });
  spec.server_hostname ??= host;
  if (spec.http_path === undefined && warehouse_id) spec.http_path = `/sql/1.0/warehouses/${warehouse_id}`;
  if (host !== undefined && hostAndPort(host)[0] !== hostAndPort(spec.server_hostname)[0]) {
    throw new TidemarkError(
      "SPEC_INVALID",
      `destination.profile "${profile}" is for ${hostAndPort(host)[0]}, and destination.server_hostname is ${hostAndPort(spec.server_hostname)[0]}: its token is not sent there. Use a profile of that workspace, or leave server_hostname (DATABRICKS_HOST) out.`,
    );
  }
}

/** Other modes need a warehouse, which is asked even where a session is there. */
export function usesTaskSession(spec: { session_url?: unknown; load_mode?: unknown }): boolean {
  return spec.session_url !== undefined && spec.load_mode === "spark";
}

function requireFields(spec: { [field: string]: unknown }): void {
  const bySession = usesTaskSession(spec);
  if (bySession) spec.http_path ??= "";
  const needed = ["server_hostname", ...(bySession ? [] : ["http_path" as const]), "catalog"] as const;
  const missing = needed.filter(field => !spec[field]);
  const problems = missing.map(
    field => `destination.${field} is missing; set it in the spec or as ${VARIABLES[field][0]}`,
  );
  const principal = spec.client_id !== undefined && isSecretRef(spec.client_secret);
  if (!isSecretRef(spec.access_token) && !principal && spec.profile === undefined && !bySession) {
    problems.push(
      "destination has no credentials; set DATABRICKS_TOKEN, DATABRICKS_CLIENT_ID and DATABRICKS_CLIENT_SECRET, or DATABRICKS_CONFIG_PROFILE (after `databricks auth login`)",
    );
  }
  if (problems.length > 0) throw new TidemarkError("SPEC_INVALID", `${problems.join(". ")}.`);
}

/** dlt's names below `destination.<name>`. */
export const DATABRICKS_SETTINGS: readonly DestinationSetting[] = [
  ...SHARED_SETTINGS,
  { key: "staging_volume_name", kind: "text" },
  { key: "is_staging_external_location", kind: "boolean" },
  ...["server_hostname", "http_path", "catalog"].map(credential => ofCredentials(credential, {})),
  ...["access_token", "client_id", "client_secret"].map(credential =>
    ofCredentials(credential, { secret: true, reference: true }),
  ),
];

function ofCredentials(key: string, more: Partial<DestinationSetting>): DestinationSetting {
  return { key, within: "credentials", kind: "text", ...more };
}

/** Files of INSERT statements are loaded nowhere here. */
export function conflicts(document: JsonObject): { path: string[]; message: string }[] {
  if (document.loader_file_format !== "insert_values") return [];
  const message = "must be parquet or jsonl: Databricks loads no files of INSERT statements";
  return [{ path: ["loader_file_format"], message }];
}
