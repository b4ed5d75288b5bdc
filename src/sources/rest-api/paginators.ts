/** dlt's paginators (dlt-compatibility g.3). A place is what is needed to ask for the next page; it is JSON. */
import { isObject } from "../../json/jsonpath";
import { parseJson } from "../../json/parse";
import { orjsonText } from "../../json/print";
import type { Value } from "../../json/values";
import type { Json } from "../../pipeline/spec";
import { parseLinks } from "../http/link-header";
import { joinReference, type Params } from "../http/url";
import type { CursorConfig, OffsetConfig, PageNumberConfig, PaginatorConfig, PathSpec } from "./config";
import { finder, isTruthy, type PageResponse, pythonInt, ResponseError } from "./response";

/** The request that paginators change from page to page. */
export interface RequestState {
  /** Without `params`. */
  url: string;
  params: Params;
  json: Value | undefined;
}

export interface Paginator {
  /** Before the first request. */
  start(request: RequestState): void;
  /** The place of the next page, or undefined at the end. @throws ResponseError */
  next(page: PageResponse, request: RequestState): Json | undefined;
  /** Changes the request so that it asks for the page at `place`. */
  goTo(place: Json, request: RequestState): void;
}

export function createPaginator(config: PaginatorConfig): Paginator {
  switch (config.type) {
    case "single_page":
      return { start: () => {}, next: () => undefined, goTo: () => {} };
    case "json_link": {
      const path = config.next_url_path ?? "next";
      const find = finder(path);
      return linkPaginator(page => find(page.body)[0] ?? null, `next_url_path ${show(path)}`);
    }
    case "header_link": {
      const key = config.links_next_key ?? "next";
      return linkPaginator(
        page => parseLinks(page.header("link")).get(key) ?? null,
        `the Link header's rel "${key}"`,
      );
    }
    case "header_cursor": {
      const [key, param] = [config.cursor_key ?? "next", config.cursor_param ?? "cursor"];
      return {
        start: () => {},
        next: page => page.header(key),
        goTo: (place, request) => {
          request.params[param] = place as string;
        },
      };
    }
    case "cursor":
      return cursorPaginator(config);
    case "offset":
      return offsetPaginator(config);
    case "page_number":
      return pageNumberPaginator(config);
  }
}

function show(path: PathSpec): string {
  return `"${typeof path === "string" ? path : path.join(".")}"`;
}

/** Next URL out of body or header; relative ones are joined with the URL asked; query parameters are dropped then. */
function linkPaginator(find: (page: PageResponse) => Value, where: string): Paginator {
  return {
    start: () => {},
    next: (page, request) => {
      const link = find(page);
      if (link === null) return undefined;
      if (typeof link !== "string" || link === "") {
        throw new ResponseError(
          `${where} holds no URL (it is ${link === "" ? "an empty text" : "not a text"}); at the end it must be null or absent`,
        );
      }
      return joinReference(request.url, link);
    },
    goTo: (place, request) => {
      request.url = place as string;
      request.params = {};
    },
  };
}

function cursorPaginator(config: CursorConfig): Paginator {
  const find = finder(config.cursor_path ?? "cursors.next");
  const hasMore = hasMoreRule(config.has_more_path);
  const set = setter(config.cursor_param, config.cursor_body_path, "cursor");
  return {
    start: () => {},
    next: page => {
      if (config.stop_after_empty_page && page.empty) return undefined;
      const cursor = find(page.body)[0] ?? null;
      const more = hasMore(page);
      return more && isTruthy(cursor) ? orjsonText(cursor) : undefined;
    },
    // The place is JSON text, so that a cursor of 64 bits or a float keeps its digits.
    goTo: (place, request) => set(request, parseJson(place as string)),
  };
}

interface RangeRules {
  start: number;
  step: number;
  /** Added to the total: the number of the first page. */
  base: number;
  maximum: number | null | undefined;
  what: string;
  set: (request: RequestState, value: number) => void;
}

function offsetPaginator(config: OffsetConfig): Paginator {
  const setOffset = setter(config.offset_param, config.offset_body_path, "offset");
  const setLimit = setter(config.limit_param, config.limit_body_path, "limit");
  return rangePaginator(config, {
    start: config.offset ?? 0,
    step: config.limit,
    base: 0,
    maximum: config.maximum_offset,
    what: "items",
    set: (request, offset) => {
      setOffset(request, offset);
      setLimit(request, config.limit);
    },
  });
}

function pageNumberPaginator(config: PageNumberConfig): Paginator {
  const base = config.base_page ?? 0;
  return rangePaginator(config, {
    start: config.page ?? base,
    step: 1,
    base,
    maximum: config.maximum_page,
    what: "pages",
    set: setter(config.page_param, config.page_body_path, "page"),
  });
}

function rangePaginator(config: OffsetConfig | PageNumberConfig, rules: RangeRules): Paginator {
  const totalPath = config.total_path === undefined ? "total" : config.total_path || null;
  const findTotal = totalPath === null ? undefined : finder(totalPath);
  const hasMore = hasMoreRule(config.has_more_path);
  const stopWhenEmpty =
    config.stop_after_empty_page === undefined ? true : config.stop_after_empty_page === true;
  let current = rules.start;
  return {
    start: request => {
      current = rules.start;
      rules.set(request, current);
    },
    next: page => {
      if (stopWhenEmpty && page.empty) return undefined;
      const total =
        findTotal === undefined
          ? undefined
          : readTotal(findTotal(page.body)[0], show(totalPath!), rules.what);
      const next = current + rules.step;
      const more = hasMore(page);
      const reached =
        (total !== undefined && next >= total + rules.base) ||
        (rules.maximum !== undefined && rules.maximum !== null && next >= rules.maximum);
      return more && !reached ? next : undefined;
    },
    goTo: (place, request) => {
      current = place as number;
      rules.set(request, current);
    },
  };
}

function readTotal(value: Value | undefined, path: string, what: string): number {
  if (value === undefined || value === null) {
    throw new ResponseError(
      `total_path ${path} is not in the response; name where the number of ${what} is, or set total_path to null`,
    );
  }
  const total = pythonInt(value);
  if (total === undefined)
    throw new ResponseError(`total_path ${path} does not hold a whole number of ${what}`);
  return total;
}

/** has_more may be a boolean or a word for one (dlt: `str2bool`); missing is an error. */
function hasMoreRule(path: string | null | undefined): (page: PageResponse) => boolean {
  if (!path) return () => true;
  const find = finder(path);
  return page => {
    const value = find(page.body)[0] ?? null;
    if (value === null) throw new ResponseError(`has_more_path "${path}" is not in the response`);
    if (typeof value === "boolean") return value;
    const word = typeof value === "string" ? value.toLowerCase() : "";
    if (["yes", "true", "t", "y", "1"].includes(word)) return true;
    if (["no", "false", "f", "n", "0"].includes(word)) return false;
    throw new ResponseError(`has_more_path "${path}" does not hold true or false`);
  };
}

/** Into the query, or at a dotted path of the JSON body (made where it is missing). */
function setter(
  param: string | null | undefined,
  bodyPath: string | null | undefined,
  otherwise: string,
): (request: RequestState, value: Value) => void {
  if (!bodyPath) {
    const name = param || otherwise;
    return (request, value) => {
      request.params[name] = value;
    };
  }
  const parts = bodyPath.split(".");
  return (request, value) => {
    request.json ??= {};
    let node = request.json;
    for (const part of parts.slice(0, -1)) {
      if (!isObject(node)) break;
      if (!Object.hasOwn(node, part)) node[part] = {};
      node = node[part]!;
    }
    if (!isObject(node))
      throw new ResponseError(`the body has no object at "${bodyPath}" to put the ${otherwise} in`);
    node[parts.at(-1)!] = value;
  };
}
