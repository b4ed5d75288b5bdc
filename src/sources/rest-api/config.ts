/** A REST config in its resolved form: defaults merged, paths bound, parents found. */
import type { IncrementalConfig, Json, JsonObject, ResourceHints } from "../../pipeline/spec";
import type { PaceLimits } from "../http/pace";
import type { ProxyTable } from "../http/proxies";
import type { TlsOptions } from "../http/tls";

/** Paths are JSONPath texts, or keys found by auto-detection. */
export type PathSpec = string | string[];

export type PaginatorConfig =
  | { type: "single_page" }
  | { type: "json_link"; next_url_path?: PathSpec | null }
  | { type: "header_link"; links_next_key?: string | null }
  | { type: "header_cursor"; cursor_key?: string | null; cursor_param?: string | null }
  | CursorConfig
  | OffsetConfig
  | PageNumberConfig;

export interface CursorConfig {
  type: "cursor";
  cursor_path?: PathSpec | null;
  cursor_param?: string | null;
  cursor_body_path?: string | null;
  stop_after_empty_page?: boolean | null;
  has_more_path?: string | null;
}

export interface OffsetConfig {
  type: "offset";
  limit: number;
  offset?: number | null;
  offset_param?: string | null;
  offset_body_path?: string | null;
  limit_param?: string | null;
  limit_body_path?: string | null;
  total_path?: PathSpec | null;
  maximum_offset?: number | null;
  stop_after_empty_page?: boolean | null;
  has_more_path?: string | null;
}

export interface PageNumberConfig {
  type: "page_number";
  base_page?: number | null;
  page?: number | null;
  page_param?: string | null;
  page_body_path?: string | null;
  total_path?: PathSpec | null;
  maximum_page?: number | null;
  stop_after_empty_page?: boolean | null;
  has_more_path?: string | null;
}

export type AuthConfig =
  | { type: "bearer"; token?: string }
  | {
      type: "api_key";
      name?: string | null;
      api_key?: string;
      location?: "header" | "query" | "param" | null;
    }
  | { type: "http_basic"; username?: string; password?: string }
  | OAuth2Config;

export interface OAuth2Config {
  type: "oauth2_client_credentials";
  access_token_url: string;
  client_id?: string;
  client_secret?: string;
  access_token_request_data?: JsonObject | null;
  default_token_expiration?: number | null;
}

export interface ResponseAction {
  status_code?: number | string | null;
  content?: string | null;
  action: "ignore";
}

export interface ClientConfig {
  base_url: string;
  headers: { [name: string]: string | null };
  paginator?: PaginatorConfig;
  tls: TlsOptions;
  proxies: ProxyTable;
  limits: PaceLimits;
}

/** What an answer is, where it is not JSON (ours). */
export interface DataFormat {
  type: "json" | "ndjson" | "csv" | "xml";
  /** Between the values of a line of CSV. */
  delimiter?: string | null;
}

export interface ResourceConfig {
  name: string;
  selected: boolean;
  /** dlt: beside other resources. */
  parallelized: boolean;
  hints: ResourceHints;
  /** The path as written, for messages: no row's value, no parameter's value. */
  writtenPath: string;
  method: string;
  /** With placeholders of parents and cursors only. */
  path: string;
  params: JsonObject;
  headers: { [name: string]: string | null };
  json?: JsonObject;
  data?: Json;
  /** undefined: the client's, else detect. */
  paginator?: PaginatorConfig;
  /** undefined: detect on the first page. */
  dataSelector?: string;
  /** undefined: JSON. */
  dataFormat?: DataFormat;
  responseActions: ResponseAction[];
  auth?: AuthConfig;
  /** Where the auth stands in the spec, for messages. */
  authPath: string;
  incremental?: IncrementalConfig;
  startParam?: string;
  endParam?: string;
  parent?: ParentConfig;
}

export interface ParentConfig {
  resource: string;
  /** Placeholder name -> JSONPath in the parent's row. */
  fields: { placeholder: string; path: string }[];
  include: string[];
}

export interface RestConfig {
  client: ClientConfig;
  /** Parents before children, in dlt's order. */
  resources: ResourceConfig[];
}
