/** One pagination: from a filled-in request to pages of rows, and from a place on again. */

import { isObject, plainKeys } from "../../json/jsonpath";
import { orjsonText } from "../../json/print";
import type { Row, Value } from "../../json/values";
import { TidemarkError } from "../../pipeline/errors";
import type { Json, JsonObject } from "../../pipeline/spec";
import type { HttpCall, HttpResponse } from "../http/call";
import type { HttpClient } from "../http/client";
import { encodeParams, joinBase, type Params, requestTarget } from "../http/url";
import type { RowText } from "../source";
import { type Auth, basic } from "./auth";
import type { ClientConfig, PaginatorConfig, ResourceConfig, ResponseAction } from "./config";
import { isCut, nameWhatCame, readDocument } from "./data-format";
import { detectPaginator, detectSelector } from "./detect";
import { PageText } from "./page-text";
import { createPaginator, type Paginator, type RequestState } from "./paginators";
import { finder, type PageResponse, ResponseError, rowsOf } from "./response";

/** A request with every placeholder filled in. */
export interface FilledRequest {
  path: string;
  params: Params;
  headers: { [name: string]: string };
  json: Value | undefined;
  data: Value | undefined;
}

/** Where to go on, with what was detected on the first page. */
export interface Place {
  at: Json;
  paginator?: PaginatorConfig;
  selector?: string[];
}

export interface RestPage {
  rows: Row[];
  /** In place of `rows`. */
  text?: RowText;
  /** The answer was ignored: there is no page, only an end. */
  absent?: true;
  /** undefined: this was the last page. */
  next: Place | undefined;
}

export interface PaginateContext {
  http: HttpClient;
  auth: Auth | undefined;
  client: ClientConfig;
  config: ResourceConfig;
  /** Rows may stay text. */
  asText: boolean;
  /** For messages. */
  what: string;
  credentials: string;
}

/** A server that names the same next page this often in a row will never end. */
const MAX_SAME_PLACE = 1000;

/**
 * @throws TidemarkError HTTP_*, SOURCE_BAD_RESPONSE, ROW_NOT_STORABLE
 */
export async function* paginate(
  context: PaginateContext,
  filled: FilledRequest,
  from: Place | undefined,
): AsyncGenerator<RestPage> {
  const { config, client } = context;
  const request: RequestState = {
    url: joinBase(client.base_url, filled.path),
    params: { ...filled.params },
    json: filled.json,
  };
  const configured = config.paginator ?? client.paginator;
  let paginator: Paginator | undefined;
  let detected: PaginatorConfig | undefined = from?.paginator;
  let selector: string | string[] | undefined = config.dataSelector ?? from?.selector;
  let select = selector === undefined ? undefined : finder(selector);
  const known = configured ?? detected;
  if (known !== undefined) {
    paginator = createPaginator(known);
    paginator.start(request);
  }
  if (from !== undefined) guarded(context, () => paginator?.goTo(from.at, request));
  let same = 0;
  let last: Json | undefined;
  for (;;) {
    const call = await buildCall(context, filled, request);
    const response = await context.http.send(call, actionsOf(config), answer => whole(config, answer));
    // An ignored answer is no page, but a parent's row is done with it.
    if (response === undefined) {
      yield { rows: [], absent: true, next: undefined };
      return;
    }
    const header = (name: string) => response.header(name);
    const text =
      context.asText && config.dataFormat === undefined && selector !== undefined && paginator !== undefined
        ? textOf(response, selector)
        : undefined;
    const body = text === undefined ? readBody(context, response) : undefined;
    if (select === undefined) {
      selector = detectSelector(body!);
      select = finder(selector);
    }
    const rows = text === undefined ? rowsOf(body!, select) : [];
    if (paginator === undefined) {
      detected = detectPaginator(body!, header);
      paginator = createPaginator(detected);
      // A detected paginator did not shape the first request, so only its inner counter starts here (as in dlt).
    }
    const seen: PageResponse = {
      get body() {
        return text === undefined ? body! : text.body;
      },
      header,
      empty: (text === undefined ? rows.length : text.rows) === 0,
    };
    const at = guarded(context, () => paginator!.next(seen, request));
    const page = text === undefined ? { rows } : { rows, text: text.take() };
    if (at === undefined) {
      yield { ...page, next: undefined };
      return;
    }
    same = at === last ? same + 1 : 0;
    last = at;
    if (same >= MAX_SAME_PLACE) {
      throw new TidemarkError(
        "SOURCE_BAD_RESPONSE",
        `${context.what}: the server named the same next page ${MAX_SAME_PLACE} times in a row. Check the paginator.`,
      );
    }
    const place: Place = { at };
    if (configured === undefined) place.paginator = detected;
    if (config.dataSelector === undefined && Array.isArray(selector)) place.selector = selector;
    yield { ...page, next: place };
    guarded(context, () => paginator!.goTo(at, request));
  }
}

function guarded<T>(context: PaginateContext, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (!(error instanceof ResponseError)) throw error;
    throw new TidemarkError("SOURCE_BAD_RESPONSE", `${context.what}: ${error.message}.`, {
      dltException: "ValueError",
    });
  }
}

/** The page as text, when its rows are a list of objects that nothing but plain keys lead to. */
function textOf(response: HttpResponse, selector: string | string[]): PageText | undefined {
  const keys = typeof selector === "string" ? plainKeys(selector) : selector;
  return keys === null ? undefined : PageText.of(response.body, response.header("content-type"), keys);
}

function readBody(context: PaginateContext, response: HttpResponse): Value {
  const type = response.header("content-type");
  try {
    return readDocument(response.body, type, context.config.dataFormat);
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error;
    const came = error.code === "HTTP_BAD_JSON" ? nameWhatCame(response.body, type) : "";
    throw new TidemarkError(error.code, `${context.what}: ${error.message}${came}`, {
      dltException: "JSONDecodeError",
    });
  }
}

/** A body that stops in its middle though the server calls it whole: asked for again before it is believed. */
function whole(config: ResourceConfig, response: HttpResponse): boolean {
  return config.dataFormat !== undefined || !isCut(response.body);
}

async function buildCall(
  context: PaginateContext,
  filled: FilledRequest,
  request: RequestState,
): Promise<HttpCall> {
  let target: ReturnType<typeof requestTarget>;
  try {
    target = requestTarget(request.url, request.params);
  } catch (error) {
    throw new TidemarkError(
      "SOURCE_BAD_RESPONSE",
      `${context.what}: ${(error as Error).message}. Check base_url, path and the paginator.`,
    );
  }
  const call: HttpCall = {
    method: context.config.method,
    url: target.origin + target.path,
    headers: { ...filled.headers },
    what: context.what,
    credentials: context.credentials,
  };
  addBody(call, filled.data, request.json);
  if (context.auth !== undefined) await context.auth.apply(call);
  else if (target.userinfo !== undefined)
    call.headers.Authorization = basic(target.userinfo.user, target.userinfo.password);
  return call;
}

/** requests' rules: data wins over json when it is not empty; a text is sent as it is, an object as a form. */
function addBody(call: HttpCall, data: Value | undefined, json: Value | undefined): void {
  const hasType = Object.keys(call.headers).some(name => name.toLowerCase() === "content-type");
  if (typeof data === "string" && data !== "") {
    call.body = data;
  } else if (Array.isArray(data) ? data.length > 0 : isObject(data) && Object.keys(data).length > 0) {
    call.body = Array.isArray(data) ? pairs(data) : encodeParams(data as Params);
    if (!hasType) call.headers["Content-Type"] = "application/x-www-form-urlencoded";
  } else if (json !== undefined && json !== null) {
    call.body = orjsonText(json);
    if (!hasType) call.headers["Content-Type"] = "application/json";
  }
}

function pairs(list: Value[]): string {
  return list
    .filter((pair): pair is Value[] => Array.isArray(pair) && pair.length === 2)
    .map(([name, value]) => encodeParams({ [String(name)]: value! }))
    .join("&");
}

/** True when an `ignore` action fits: all its given conditions hold (dlt: `_handle_response_action`). */
function actionsOf(config: ResourceConfig): ((response: HttpResponse) => boolean) | undefined {
  const actions = config.responseActions.filter(one => isGiven(one.status_code) || isGiven(one.content));
  if (actions.length === 0) return undefined;
  return response => actions.some(action => fits(action, response));
}

function fits(action: ResponseAction, response: HttpResponse): boolean {
  if (isGiven(action.status_code) && action.status_code !== response.status) return false;
  return !isGiven(action.content) || response.body.includes(action.content!);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

export function fillHeaders(headers: JsonObject): { [name: string]: string } {
  return Object.fromEntries(Object.entries(headers).filter(([, value]) => value !== null)) as {
    [name: string]: string;
  };
}
