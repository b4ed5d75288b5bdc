/** Settings and secrets: what resolves here is what real dlt resolves, from the same files and variables. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { loadConfig } from "../../src/config";
import { lookUpPath } from "../../src/dlt-project/look-up";
import { readDltSettings } from "../../src/dlt-project/settings-files";
import { TidemarkError } from "../../src/pipeline/errors";
import type { Json, JsonObject } from "../../src/pipeline/spec";
import { readCredentials } from "../../src/postgres-connection/credentials";
import { resolveSpec } from "../../src/spec/resolve-spec";
import { resolveSecrets } from "../../src/spec/secrets";
import { toolPaths } from "../../src/tools";
import { REPOSITORY } from "../support/project";

interface Case {
  kind: "auth" | "sql" | "destination" | "pipeline" | "nesting";
  env?: { [name: string]: string };
  /** Below `.dlt/`; `global/` stands for the user's folder. */
  files?: { [name: string]: string };
  auth?: Json;
  name?: string;
  fields?: string[];
  table?: string;
  dataset_name?: string;
  destination?: string;
}

const bearer = (more: Partial<Case>): Case => ({
  kind: "auth",
  auth: { type: "bearer" },
  name: "api",
  fields: ["token"],
  ...more,
});
const token = (section: string, value: string) => `[${section}.credentials]\ntoken = "${value}"\n`;
const DSN = "postgresql://u:p@h/d";

const CASES: { [title: string]: Case } = {
  "bearer: section and name": bearer({ env: { SOURCES__REST_API__API__CREDENTIALS__TOKEN: "t1" } }),
  "bearer: section": bearer({ env: { SOURCES__REST_API__CREDENTIALS__TOKEN: "t2" } }),
  "bearer: compact, by name": bearer({ env: { SOURCES__API__CREDENTIALS__TOKEN: "t3" } }),
  "bearer: sources": bearer({ env: { SOURCES__CREDENTIALS__TOKEN: "t4" } }),
  "bearer: bare": bearer({ env: { CREDENTIALS__TOKEN: "t5" } }),
  "bearer: section before compact": bearer({
    env: { SOURCES__API__CREDENTIALS__TOKEN: "no", SOURCES__REST_API__CREDENTIALS__TOKEN: "yes" },
  }),
  "bearer: section of the default name": bearer({
    name: undefined,
    env: { SOURCES__REST_API__CREDENTIALS__TOKEN: "t" },
  }),
  "bearer: section of the same name twice": bearer({
    name: undefined,
    env: {
      SOURCES__REST_API__REST_API__CREDENTIALS__TOKEN: "yes",
      SOURCES__REST_API__CREDENTIALS__TOKEN: "no",
    },
  }),
  "bearer: not without credentials": bearer({ env: { SOURCES__REST_API__API__TOKEN: "no" } }),
  "bearer: nothing": bearer({}),
  "bearer: secrets.toml": bearer({ files: { "secrets.toml": token("sources.rest_api", "file") } }),
  "bearer: environment before secrets.toml, also when less specific": bearer({
    env: { CREDENTIALS__TOKEN: "env" },
    files: { "secrets.toml": token("sources.rest_api.api", "file") },
  }),
  "bearer: pipeline's section before all": bearer({
    env: { SOURCES__REST_API__API__CREDENTIALS__TOKEN: "no" },
    files: { "secrets.toml": token("shop", "yes") },
  }),
  "bearer: pipeline's section in the environment": bearer({
    env: { SHOP__SOURCES__CREDENTIALS__TOKEN: "yes", SOURCES__REST_API__API__CREDENTIALS__TOKEN: "no" },
  }),
  "bearer: refused in config.toml": bearer({ files: { "config.toml": token("sources.rest_api", "no") } }),
  "bearer: secrets.toml first, config.toml not looked at": bearer({
    files: { "config.toml": token("sources", "no"), "secrets.toml": token("sources", "yes") },
  }),
  "bearer: one text": bearer({ files: { "secrets.toml": '[sources.rest_api]\ncredentials = "one"\n' } }),
  "bearer: one text before the field": bearer({
    env: { CREDENTIALS: "one", SOURCES__REST_API__API__CREDENTIALS__TOKEN: "field" },
  }),
  "bearer: project before global": bearer({
    files: {
      "global/secrets.toml": token("sources.rest_api", "global"),
      "secrets.toml": token("sources.rest_api", "project"),
    },
  }),
  "bearer: global, merged into the same table": bearer({
    files: {
      "global/secrets.toml": token("sources.rest_api", "global"),
      "secrets.toml": '[sources.rest_api.credentials]\nother = "x"\n',
    },
  }),
  "bearer: global more specific than project": bearer({
    files: {
      "global/secrets.toml": token("sources.rest_api.api", "global"),
      "secrets.toml": token("sources", "project"),
    },
  }),
  "bearer: given": bearer({ auth: { type: "bearer", token: "given" }, env: { CREDENTIALS__TOKEN: "no" } }),
  "api_key: key, name and place": {
    kind: "auth",
    auth: { type: "api_key" },
    name: "api",
    fields: ["name", "api_key", "location"],
    files: {
      "config.toml": '[sources.rest_api.credentials]\nname = "X-Key"\nlocation = "query"\n',
      "secrets.toml": '[sources.api.credentials]\napi_key = "k"\n',
    },
  },
  "api_key: a configured name wins over the given one": {
    kind: "auth",
    auth: { type: "api_key", name: "Given" },
    name: "api",
    fields: ["name", "api_key"],
    env: { SOURCES__API__CREDENTIALS__NAME: "X-Key", SOURCES__API__CREDENTIALS__API_KEY: "k" },
  },
  "api_key: complete, nothing is looked up": {
    kind: "auth",
    auth: { type: "api_key", name: "Given", api_key: "k" },
    name: "api",
    fields: ["name", "api_key"],
    env: { SOURCES__API__CREDENTIALS__NAME: "X-Key" },
  },
  "http_basic: user in config.toml, password in secrets.toml": {
    kind: "auth",
    auth: { type: "http_basic" },
    name: "api",
    fields: ["username", "password"],
    files: {
      "config.toml": '[sources.rest_api.credentials]\nusername = "u"\n',
      "secrets.toml": '[sources.rest_api.credentials]\npassword = "p"\n',
    },
  },
  "oauth2: url, id and secret": {
    kind: "auth",
    auth: { type: "oauth2_client_credentials" },
    name: "api",
    fields: ["access_token_url", "client_id", "client_secret"],
    env: {
      SOURCES__API__CREDENTIALS__ACCESS_TOKEN_URL: "http://t",
      SOURCES__REST_API__CREDENTIALS__CLIENT_ID: "id",
      CREDENTIALS__CLIENT_SECRET: "s",
    },
  },

  "sql: one text": { kind: "sql", env: { SOURCES__SQL_DATABASE__CREDENTIALS: DSN } },
  "sql: bare": { kind: "sql", env: { CREDENTIALS: DSN } },
  "sql: pipeline's section": {
    kind: "sql",
    env: { SHOP__CREDENTIALS: DSN, CREDENTIALS: "postgresql://no@no/no" },
  },
  "sql: secrets.toml": {
    kind: "sql",
    files: { "secrets.toml": `sources.sql_database.credentials = "${DSN}"\n` },
  },
  "sql: fields from three places": {
    kind: "sql",
    env: { SOURCES__CREDENTIALS__DATABASE: "d" },
    files: {
      "secrets.toml": '[sources.sql_database.credentials]\npassword = "p"\ndrivername = "postgresql"\n',
      "config.toml": '[sources.sql_database.credentials]\nhost = "h"\nusername = "u"\n',
    },
  },
  "sql: one text in the environment before fields in a file": {
    kind: "sql",
    env: { CREDENTIALS: DSN },
    files: { "secrets.toml": '[sources.sql_database.credentials]\nhost = "no"\n' },
  },
  "sql: refused in config.toml": {
    kind: "sql",
    files: { "config.toml": `sources.sql_database.credentials = "${DSN}"\n` },
  },
  "sql_table: by the table's name": {
    kind: "sql",
    table: "orders",
    env: { SOURCES__SQL_DATABASE__ORDERS__CREDENTIALS: DSN },
  },
  "sql_table: compact": { kind: "sql", table: "orders", env: { SOURCES__ORDERS__CREDENTIALS: DSN } },

  "duckdb: nothing but a path": { kind: "destination", env: { DESTINATION__DUCKDB__CREDENTIALS: "a.db" } },
  "duckdb: a URL": { kind: "destination", env: { DESTINATION__DUCKDB__CREDENTIALS: "duckdb:///x/a.db" } },
  "duckdb: an absolute URL": { kind: "destination", env: { CREDENTIALS: "duckdb:////x/a.db" } },
  "duckdb: database in a table": {
    kind: "destination",
    files: { "secrets.toml": '[destination.duckdb.credentials]\ndatabase = "b.db"\n' },
  },
  "duckdb: pipeline's section": {
    kind: "destination",
    files: { "secrets.toml": 'credentials = "no.db"\n[shop.destination]\ncredentials = "yes.db"\n' },
  },
  "duckdb: refused in config.toml": {
    kind: "destination",
    files: { "config.toml": '[destination.duckdb.credentials]\ndatabase = "b.db"\n' },
  },
  "duckdb: options": {
    kind: "destination",
    env: {
      DESTINATION__DUCKDB__CREATE_INDEXES: "yes",
      DESTINATION__ENABLE_DATASET_NAME_NORMALIZATION: "False",
    },
    files: {
      "secrets.toml": 'credentials = "a.db"\n',
      "config.toml":
        '[destination]\nreplace_strategy = "staging-optimized"\n[destination.duckdb]\nstaging_dataset_name_layout = "s_%s"\n',
    },
  },
  "duckdb: not a truth value": {
    kind: "destination",
    env: { CREDENTIALS: "a.db", DESTINATION__DUCKDB__CREATE_INDEXES: "on" },
  },
  "duckdb: not a strategy": {
    kind: "destination",
    env: { CREDENTIALS: "a.db", DESTINATION__DUCKDB__REPLACE_STRATEGY: "no" },
  },
  "duckdb: by a name of its own": {
    kind: "destination",
    destination: "lake",
    files: {
      "config.toml": '[destination.lake]\ndestination_type = "duckdb"\ncreate_indexes = true\n',
      "secrets.toml":
        '[destination.lake]\ncredentials = "lake.db"\n[destination.duckdb]\ncredentials = "no.db"\n',
    },
  },

  "pipeline: dataset_name by its section": { kind: "pipeline", env: { PIPELINES__SHOP__DATASET_NAME: "d1" } },
  "pipeline: dataset_name, bare": { kind: "pipeline", files: { "config.toml": 'dataset_name = "d2"\n' } },
  "pipeline: dataset_name below the pipeline": {
    kind: "pipeline",
    env: { PIPELINES__SHOP__DATASET_NAME: "no" },
    files: { "config.toml": '[shop]\ndataset_name = "yes"\n' },
  },
  "pipeline: given dataset_name": { kind: "pipeline", dataset_name: "given", env: { DATASET_NAME: "no" } },
  "pipeline: layout": { kind: "pipeline", dataset_name: "given", env: { DATASET_NAME_LAYOUT: "dev_%s" } },
  "pipeline: refresh": { kind: "pipeline", dataset_name: "d", env: { SHOP__REFRESH: "drop_data" } },

  "nesting: schema": {
    kind: "nesting",
    files: { "config.toml": "[schema.json_normalizer.config]\nmax_nesting = 2\n" },
  },
  "nesting: by source, as JSON": {
    kind: "nesting",
    env: {
      SOURCES__API__SCHEMA__JSON_NORMALIZER: '{"config": {"max_nesting": 1}}',
      SCHEMA__JSON_NORMALIZER: '{"config": {"max_nesting": 3}}',
    },
  },
  "nesting: not a table": { kind: "nesting", env: { SCHEMA__JSON_NORMALIZER: "1" } },
};

type Answer = { value?: JsonObject; error?: string };

function ours(one: Case): Answer {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-settings-"));
  try {
    const project = join(folder, "project");
    mkdirSync(join(project, ".dlt"), { recursive: true });
    mkdirSync(join(folder, "global"));
    for (const [name, text] of Object.entries(one.files ?? {})) {
      writeFileSync(name.startsWith("global/") ? join(folder, name) : join(project, ".dlt", name), text);
    }
    const loaded = loadConfig(project, { PATH: process.env.PATH, ...one.env });
    const config = { ...loaded, dlt: { ...loaded.dlt, global: join(folder, "global") } };
    const spec = resolveSpec({ document: document(one), file: join(project, "spec.json") }, {}, config);
    const settings = readDltSettings(config.dlt, config.env);
    const source = () =>
      resolveSecrets(spec.source as unknown as JsonObject, {
        env: config.env,
        readDltSetting: path => lookUpPath(settings, path),
        // Literals of the spec, by their pointer: all there is are those of the case.
        readSpecFile: () => document(one),
      }).value;
    return { value: view(one, spec as unknown as JsonObject, source, project) };
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error;
    return { error: error.code };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function document(one: Case): JsonObject {
  const source =
    one.kind === "sql"
      ? one.table
        ? { type: "sql_table", table: one.table }
        : { type: "sql_database" }
      : {
          type: "rest_api",
          ...(one.name || one.kind === "nesting" ? { name: one.name ?? "api" } : {}),
          client: { base_url: "http://h", ...(one.auth ? { auth: one.auth } : {}) },
          resources: ["a"],
        };
  return {
    pipeline_name: "shop",
    ...(one.dataset_name ? { dataset_name: one.dataset_name } : {}),
    ...(one.destination ? { destination: { type: one.destination } } : {}),
    source: source as JsonObject,
  };
}

function view(one: Case, spec: JsonObject, source: () => JsonObject, project: string): JsonObject {
  switch (one.kind) {
    case "auth": {
      const auth = (source().client as JsonObject).auth as JsonObject;
      return Object.fromEntries(one.fields!.map(field => [field, auth[field]!]));
    }
    case "sql": {
      const { hosts, database, user, password } = readCredentials(source().credentials);
      return { host: hosts[0]!.host, database, username: user, password: password! };
    }
    case "destination": {
      const made = spec.destination as JsonObject;
      return {
        type: made.type!,
        path: relative(project, made.path as string),
        create_indexes: made.create_indexes!,
        replace_strategy: made.replace_strategy!,
        staging: made.staging_dataset_name_layout!,
        normalized: made.enable_dataset_name_normalization!,
      };
    }
    case "pipeline":
      return { dataset_name: spec.dataset_name!, refresh: spec.refresh ?? null };
    case "nesting":
      return { max_nesting: (spec.source as JsonObject).max_table_nesting ?? null };
  }
}

/** dlt's exceptions and what stands for them here. */
const ERRORS: { [dlt: string]: string } = {
  ConfigFieldMissingException: "SECRET_MISSING",
  ValueNotSecretException: "SPEC_INVALID",
  ConfigValueCannotBeCoercedException: "SPEC_INVALID",
  ValueErrorWithKnownValues: "SPEC_INVALID",
  ValueError: "SPEC_INVALID",
};

const titles = Object.keys(CASES);
let dlt: Answer[];

beforeAll(() => {
  dlt = JSON.parse(
    execFileSync(
      toolPaths(process.env).parityPython!,
      [join(REPOSITORY, "test", "support", "dlt_settings.py")],
      {
        input: JSON.stringify(titles.map(title => CASES[title])),
        encoding: "utf8",
        env: { PATH: process.env.PATH, HOME: tmpdir() },
        stdio: ["pipe", "pipe", "ignore"],
      },
    ),
  ) as Answer[];
});

test.each(titles.map((title, index) => [title, index] as const))("%s", (title, index) => {
  const theirs = dlt[index]!;
  const expected = theirs.error === undefined ? theirs : { error: ERRORS[theirs.error] ?? theirs.error };
  expect(ours(CASES[title]!)).toEqual(expected);
});
