/** What dlt looks up by name for its SQL sources (dlt: sql_database, SqlTableResourceConfiguration). */
import type { SourceSpec } from "../../pipeline/spec";
import { CREDENTIAL_FIELDS } from "../../postgres-connection/credentials";
import type { SourceSetting } from "../source";

/** A dict may name its secrets one by one; the whole is one secret else. */
export const secretPointers = () => ["/credentials"];

const sectionsOf = (name: string) => ["sources", "sql_database", name];

/** The whole of the credentials in one text, or field by field (dlt: ConnectionStringCredentials). */
function credentials(sections: readonly string[]): SourceSetting[] {
  const whole = { pointer: "/credentials", key: "credentials", sections, secret: true, reference: true };
  return [
    { ...whole, kind: "text" },
    ...CREDENTIAL_FIELDS.map(
      (key): SourceSetting => ({
        pointer: `/credentials/${key}`,
        key,
        sections,
        within: "credentials",
        kind: key === "query" ? "object" : "text",
        secret: key === "password",
        reference: true,
      }),
    ),
    { ...whole, kind: "text", required: true },
  ];
}

function plain(
  sections: readonly string[],
  kinds: { [key: string]: SourceSetting["kind"] },
): SourceSetting[] {
  return Object.entries(kinds).map(([key, kind]) => ({ pointer: `/${key}`, key, sections, kind }));
}

const REFLECTION = {
  schema: "text",
  chunk_size: "integer",
  backend: "text",
  reflection_level: "text",
} as const;

export function credentialSettings(source: SourceSpec): SourceSetting[] {
  return credentials(sectionsOf(source.name));
}

export function databaseSettings(source: SourceSpec): SourceSetting[] {
  const sections = sectionsOf(source.name);
  return [
    ...credentials(sections),
    ...plain(sections, {
      ...REFLECTION,
      table_names: "list",
      include_views: "boolean",
      resolve_foreign_keys: "boolean",
    }),
  ];
}

/** A table's own section is its name (dlt: `@resource(name=lambda args: args["table"])`). */
export function tableSettings(source: SourceSpec): SourceSetting[] {
  const sections = sectionsOf(String(source.table));
  const keys = {
    included_columns: "list",
    excluded_columns: "list",
    primary_key: "any",
    merge_key: "any",
  } as const;
  const incremental = {
    cursor_path: "text",
    initial_value: "any",
    end_value: "any",
    row_order: "text",
    on_cursor_value_missing: "text",
    lag: "any",
    range_start: "text",
    range_end: "text",
  } as const;
  return [
    ...credentials(sections),
    ...plain(sections, { ...REFLECTION, ...keys, write_disposition: "any" }),
    ...plain(sections, incremental).map(setting => ({
      ...setting,
      pointer: `/incremental${setting.pointer}`,
      within: "incremental",
    })),
  ];
}
