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

const kind = text.describe("The paginator");

/** dlt knows `json_response` as the old name of `json_link`. */
export const PAGINATORS: { [type: string]: z.ZodType } = {
  auto: z.strictObject({ type: kind }),
  single_page: z.strictObject({ type: kind }),
  json_link: z.strictObject({
    type: kind,
    next_url_path: path.describe("Where the next page's URL stands; default: next"),
  }),
  json_response: z.strictObject({
    type: kind,
    next_url_path: path.describe("Where the next page's URL stands; default: next"),
  }),
  header_link: z.strictObject({
    type: kind,
    links_next_key: optional.describe("Which rel of the Link header; default: next"),
  }),
  header_cursor: z.strictObject({
    type: kind,
    cursor_key: optional.describe("Header with the cursor; default: next"),
    cursor_param: optional.describe("Parameter that it goes to; default: cursor"),
  }),
  cursor: z.strictObject({
    type: kind,
    cursor_path: path.describe("Where the cursor stands in an answer; default: cursors.next"),
    cursor_param: optional.describe("Parameter that it goes to; default: cursor"),
    cursor_body_path: optional.describe("Place in the JSON body that it goes to, in place of a parameter"),
    stop_after_empty_page: bool.describe("A page without rows is the last; default false"),
    has_more_path: path.describe("Where an answer says whether more pages follow"),
  }),
  offset: z.strictObject({
    type: kind,
    limit: z
      .int("is missing; the offset paginator needs a whole number of rows per page")
      .describe("Rows of a page"),
    offset: int.describe("Of the first page; default: 0"),
    offset_param: optional.describe("Default: offset"),
    offset_body_path: optional.describe("Place in the JSON body, in place of the parameter"),
    limit_param: optional.describe("Default: limit"),
    limit_body_path: optional.describe("Place in the JSON body, in place of the parameter"),
    total_path: path.describe("Where the number of rows stands; default: total; null: nowhere"),
    maximum_offset: int.describe("No page from this offset on"),
    stop_after_empty_page: bool.describe("A page without rows is the last; default true"),
    has_more_path: path.describe("Where an answer says whether more pages follow"),
  }),
  page_number: z.strictObject({
    type: kind,
    base_page: int.describe("Number of the first page; default: 0"),
    page: int.describe("Page to begin with; default: base_page"),
    page_param: optional.describe("Default: page"),
    page_body_path: optional.describe("Place in the JSON body, in place of the parameter"),
    total_path: path.describe("Where the number of pages stands; default: total; null: nowhere"),
    maximum_page: int.describe("No page from this number on"),
    stop_after_empty_page: bool.describe("A page without rows is the last; default true"),
    has_more_path: path.describe("Where an answer says whether more pages follow"),
  }),
};

const type = text.nullish().describe("The kind of auth; default: bearer");
export const AUTHS: { [type: string]: z.ZodType } = {
  bearer: z.strictObject({ type, token: optional.describe("Sent as Authorization: Bearer") }),
  api_key: z.strictObject({
    type,
    name: filled.nullish().describe("Header or parameter; default: Authorization"),
    api_key: optional.describe("The key"),
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
      .nullish()
      .describe("header (default), query or param"),
  }),
  http_basic: z.strictObject({
    type,
    username: optional.describe("Of HTTP Basic"),
    password: optional.describe("Of HTTP Basic"),
  }),
  oauth2_client_credentials: z.strictObject({
    type,
    access_token_url: filled.describe("Where tokens are got"),
    client_id: optional.describe("Of the client credentials"),
    client_secret: optional.describe("Of the client credentials"),
    access_token: optional.describe("A token to begin with"),
    access_token_request_data: object.nullish().describe("More fields of the request for a token"),
    default_token_expiration: int.describe(
      "Seconds that a token lasts when the answer does not say; default: 3600",
    ),
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
  start_param: filled.nullish().describe("Query parameter that gets the start of the range"),
  end_param: filled.nullish().describe("Query parameter that gets the end of the range"),
  allow_external_schedulers: z
    .literal(false, "is not supported: the range comes from the run or a backfill")
    .nullish()
    .describe("Refused: the range comes from the run or a backfill"),
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
  status_code: z
    .union([z.int(), z.string()], "must be a status code")
    .nullish()
    .describe("Answers with this status, for example 404"),
  content: z.string("must be a text").nullish().describe("Answers whose text holds this"),
  action: oneOf("action", ["ignore"]).describe("ignore: the page is taken as the last, without rows"),
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
  path: z
    .string("must be a text")
    .nullish()
    .describe(
      "Below the client's base_url, or a whole URL; {resources.posts.id} stands for a field of a parent's row; default: the resource's name",
    ),
  method: method.nullish().describe("Default: GET"),
  params: object
    .nullish()
    .describe("Query parameters; {incremental.start_value} and fields of parents may stand in them"),
  json: object.nullish().describe("Body, as JSON"),
  data: z
    .custom<Json>(
      value => typeof value === "string" || typeof value === "object",
      "must be a text, an object or a list of pairs",
    )
    .nullish()
    .describe("Body: a text, or fields of a form"),
  headers: headers.nullish().describe("Over the client's"),
  paginator: z.unknown().optional().describe("Default: the client's, else found on the first page"),
  data_selector: path.describe("JSONPath of the rows in an answer; default: found on the first page"),
  data_format: dataFormat
    .optional()
    .describe("What answers are, with type and, for csv, delimiter; default: json"),
  response_actions: z.array(responseAction, "must be a list").nullish().describe("Answers that are no error"),
  incremental: object
    .nullish()
    .describe(
      "A cursor, with start_param and end_param besides its usual keys: each run loads what is newer",
    ),
  auth: z.unknown().optional().describe("Over the client's"),
});

export const resource = z.strictObject({
  name: z
    .string("is missing; every resource needs a name")
    .min(1, "must not be empty")
    .describe("Name of the resource"),
  endpoint: z
    .custom<Json>(
      value => typeof value === "string" || object.safeParse(value).success,
      "must be a path or an object",
    )
    .nullish()
    .describe("A path, or an object; default: the resource's name as the path"),
  selected: bool.describe("false: only read for its children, or when it is asked for; default true"),
  parallelized: bool.describe("Beside other resources; default: the run decides"),
  data_format: dataFormat.optional().describe("As in endpoint, for all of it"),
  include_from_parent: z
    .array(z.string("must be a field of the parent"), "must be a list")
    .nullish()
    .describe("Fields of the parent's row that rows get, as _<parent>_<field>"),
  processing_steps: list.nullish().describe("Refused where they are functions of Python"),
  ...Object.fromEntries(Object.keys(hintsShape).map(key => [key, z.unknown().optional()])),
});

export const resourceDefaults = resource.omit({ name: true });

export const client = z.strictObject({
  base_url: filled.describe("What paths are below"),
  headers: headers.nullish().describe("Of every request"),
  auth: z.unknown().optional().describe("How requests say who asks: an object with type, or a type alone"),
  paginator: z
    .unknown()
    .optional()
    .describe(
      "How the next page is found: an object with type, or a type alone; default: found on the first page",
    ),
  session: z
    .null(
      "is an object of Python's in dlt; write what it would carry beside base_url: verify, cert, proxies, headers",
    )
    .optional()
    .describe("Refused: an object of Python's"),
  verify: z
    .custom<Json>(value => typeof value === "boolean" || text.safeParse(value).success, {
      message: "must be true, false, or a PEM file of authorities",
    })
    .nullish()
    .describe("false: certificates are not checked; or the PEM file of the authorities; default true"),
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
    .nullish()
    .describe("Certificate of the client: a PEM file, or a list of certificate and key"),
  proxies: z
    .record(z.string(), text.nullable())
    .nullish()
    .describe("By scheme, as in requests; default: HTTP_PROXY, HTTPS_PROXY, NO_PROXY"),
  max_concurrent_requests: z
    .int("must be a whole number")
    .min(1, "must be at least 1")
    .nullish()
    .describe("Requests at the same time, of all resources together; default: no limit"),
  requests_per_second: z
    .number("must be a number")
    .positive("must be more than 0")
    .nullish()
    .describe("Of all resources together; default: no limit"),
});

/** The whole source; its parts are checked one by one. */
export const source = z.strictObject({
  ...sourceShape,
  type: text,
  section: optional.describe("Taken as in dlt; settings are looked up by the source's name"),
  parallelized: bool.describe("For all resources"),
  client: object.describe("What all requests share"),
  resource_defaults: object.nullish().describe("Laid below every resource"),
  resources: list.describe("Paths, or objects"),
});

export const hints = z.strictObject(hintsShape);
