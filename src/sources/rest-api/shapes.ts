/** Shapes of a REST config, key by key (dlt: `sources/rest_api/typing.py`). `null` counts as absent, as in dlt. */
import { z } from "zod";
import { compilePath } from "../../json/jsonpath";
import { unknownName } from "../../pipeline/nearest-name";
import { isSecretRef } from "../../pipeline/secret-ref";
import type { Json } from "../../pipeline/spec";
import { hintsShape, incrementalShape, sourceShape } from "../resource-hints";

/** Text, or a reference that stands for one. */
const text = z.custom<string>(value => typeof value === "string" || isSecretRef(value), "must be a text");
const filled = z.custom<string>(
  value => (typeof value === "string" && value !== "") || isSecretRef(value),
  "must be a text that is not empty",
);
const object = z.custom<{ [key: string]: Json }>(
  value => value !== null && typeof value === "object" && !Array.isArray(value),
  "must be an object",
);
const list = z.custom<Json[]>(Array.isArray, "must be a list");
const bool = z.boolean("must be true or false").nullish();
const int = z.int("must be a whole number").nullish();
const optional = text.nullish();

export function oneOf(what: string, valid: readonly string[]) {
  return z.custom<string>(value => typeof value === "string" && valid.includes(value), {
    error: issue =>
      typeof issue.input === "string"
        ? unknownName(what, issue.input, valid)
        : `must be one of ${valid.join(", ")}`,
  });
}

const path = z
  .string("must be a JSONPath")
  .superRefine((value, context) => {
    if (value === "") return;
    try {
      compilePath(value);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
    }
  })
  .nullish();

/** dlt knows `json_response` as the old name of `json_link`. */
export const PAGINATORS: { [type: string]: z.ZodType } = {
  auto: z.strictObject({ type: text }),
  single_page: z.strictObject({ type: text }),
  json_link: z.strictObject({ type: text, next_url_path: path }),
  json_response: z.strictObject({ type: text, next_url_path: path }),
  header_link: z.strictObject({ type: text, links_next_key: optional }),
  header_cursor: z.strictObject({ type: text, cursor_key: optional, cursor_param: optional }),
  cursor: z.strictObject({
    type: text,
    cursor_path: path,
    cursor_param: optional,
    cursor_body_path: optional,
    stop_after_empty_page: bool,
    has_more_path: path,
  }),
  offset: z.strictObject({
    type: text,
    limit: z.int("is missing; the offset paginator needs a whole number of rows per page"),
    offset: int,
    offset_param: optional,
    offset_body_path: optional,
    limit_param: optional,
    limit_body_path: optional,
    total_path: path,
    maximum_offset: int,
    stop_after_empty_page: bool,
    has_more_path: path,
  }),
  page_number: z.strictObject({
    type: text,
    base_page: int,
    page: int,
    page_param: optional,
    page_body_path: optional,
    total_path: path,
    maximum_page: int,
    stop_after_empty_page: bool,
    has_more_path: path,
  }),
};

const type = text.nullish();
export const AUTHS: { [type: string]: z.ZodType } = {
  bearer: z.strictObject({ type, token: optional }),
  api_key: z.strictObject({
    type,
    name: filled.nullish(),
    api_key: optional,
    location: z
      .custom<string>(() => true)
      .superRefine((value, context) => {
        if (value === "cookie") {
          context.addIssue({
            code: "custom",
            message:
              "cookie is not supported (nor is it in dlt); send a Cookie header through client.headers",
          });
        } else if (!["header", "query", "param"].includes(value)) {
          context.addIssue({
            code: "custom",
            message: unknownName("location", String(value), ["header", "query", "param"]),
          });
        }
      })
      .nullish(),
  }),
  http_basic: z.strictObject({ type, username: optional, password: optional }),
  oauth2_client_credentials: z.strictObject({
    type,
    access_token_url: filled,
    client_id: optional,
    client_secret: optional,
    access_token: optional,
    access_token_request_data: object.nullish(),
    default_token_expiration: int,
  }),
};

/** Fields that dlt looks up by name when they are left out. */
export const AUTH_FIELDS: { [type: string]: string[] } = {
  bearer: ["token"],
  api_key: ["api_key"],
  http_basic: ["username", "password"],
  oauth2_client_credentials: ["client_id", "client_secret"],
};

/** dlt's incremental with the REST keys; `convert` is a function and therefore reported on its own. */
export const restIncremental = z.strictObject({
  ...incrementalShape.shape,
  start_param: filled.nullish(),
  end_param: filled.nullish(),
  allow_external_schedulers: z
    .literal(false, "is not supported: the range comes from the run or a backfill")
    .nullish(),
});
export const REST_ONLY_KEYS = ["start_param", "end_param", "allow_external_schedulers", "type"];

export const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"];
const method = z.custom<string>(value => typeof value === "string" && METHODS.includes(value.toUpperCase()), {
  error: issue =>
    typeof issue.input === "string"
      ? unknownName("method", issue.input.toUpperCase(), METHODS)
      : "must be a text",
});

const responseAction = z.strictObject({
  status_code: z.union([z.int(), z.string()], "must be a status code").nullish(),
  content: z.string("must be a text").nullish(),
  action: oneOf("action", ["ignore"]),
});

/** What an answer is, besides JSON: ours, dlt reads JSON alone. */
export const DATA_FORMATS = ["json", "ndjson", "csv", "xml"];
const FORMAT_NAMES = [...DATA_FORMATS, "jsonl"];
const formatKeys = {
  type: oneOf("data_format", FORMAT_NAMES),
  delimiter: z.string().length(1, "must be one character").nullish(),
};
const dataFormat = z.unknown().superRefine((value, context) => {
  const isObject = typeof value === "object" && value !== null;
  const shape = isObject ? z.looseObject(formatKeys) : formatKeys.type.nullish();
  for (const issue of shape.safeParse(value).error?.issues ?? []) context.addIssue({ ...issue });
  const valid = Object.keys(formatKeys);
  for (const key of isObject ? Object.keys(value) : []) {
    if (!valid.includes(key))
      context.addIssue({ code: "custom", path: [key], message: unknownName("key", key, valid) });
  }
});

export const headers = z.record(z.string(), text.nullable());

export const endpoint = z.strictObject({
  path: z.string("must be a text").nullish(),
  method: method.nullish(),
  params: object.nullish(),
  json: object.nullish(),
  data: z
    .custom<Json>(
      value => typeof value === "string" || typeof value === "object",
      "must be a text, an object or a list of pairs",
    )
    .nullish(),
  headers: headers.nullish(),
  paginator: z.unknown().optional(),
  data_selector: path,
  data_format: dataFormat.optional(),
  response_actions: z.array(responseAction, "must be a list").nullish(),
  incremental: object.nullish(),
  auth: z.unknown().optional(),
});

export const resource = z.strictObject({
  name: z.string("is missing; every resource needs a name").min(1, "must not be empty"),
  endpoint: z
    .custom<Json>(
      value => typeof value === "string" || object.safeParse(value).success,
      "must be a path or an object",
    )
    .nullish(),
  selected: bool,
  parallelized: bool,
  data_format: dataFormat.optional(),
  include_from_parent: z.array(z.string("must be a field of the parent"), "must be a list").nullish(),
  processing_steps: list.nullish(),
  ...Object.fromEntries(Object.keys(hintsShape).map(key => [key, z.unknown().optional()])),
});

export const resourceDefaults = resource.omit({ name: true });

export const client = z.strictObject({
  base_url: filled,
  headers: headers.nullish(),
  auth: z.unknown().optional(),
  paginator: z.unknown().optional(),
  session: z
    .null(
      "is an object of Python's in dlt; write what it would carry beside base_url: verify, cert, proxies, headers",
    )
    .optional(),
  verify: z
    .custom<Json>(value => typeof value === "boolean" || text.safeParse(value).success, {
      message: "must be true, false, or a PEM file of authorities",
    })
    .nullish(),
  cert: z
    .custom<Json>(
      value =>
        text.safeParse(value).success ||
        (Array.isArray(value) && value.length === 2 && value.every(one => text.safeParse(one).success)),
      {
        message:
          "must be a PEM file with key and certificate, or a list of two: the certificate's and the key's",
      },
    )
    .nullish(),
  proxies: z.record(z.string(), text.nullable()).nullish(),
  max_concurrent_requests: z.int("must be a whole number").min(1, "must be at least 1").nullish(),
  requests_per_second: z.number("must be a number").positive("must be more than 0").nullish(),
});

/** The whole source; its parts are checked one by one. */
export const source = z.strictObject({
  ...sourceShape,
  type: text,
  section: optional,
  parallelized: bool,
  client: object,
  resource_defaults: object.nullish(),
  resources: list,
});

export const hints = z.strictObject(hintsShape);
