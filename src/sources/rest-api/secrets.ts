/** Where secrets may stand in a REST config, and how places to resume stay free of them. */

import { isSecretRef } from "../../pipeline/secret-ref";
import type { Json, JsonObject, SourceSpec } from "../../pipeline/spec";
import { quotePlus } from "../http/url";
import { isJsonObject } from "./merge-defaults";

const AUTH_SECRETS = [
  "token",
  "api_key",
  "username",
  "password",
  "client_id",
  "client_secret",
  "access_token",
];
/** Names of headers, params and fields that usually hold secrets (wider than dlt's SENSITIVE_PARAMS). */
const SECRET_NAME =
  /auth|token|secret|passw|pwd|cookie|credential|signature|assertion|(^|[-_.])(api|access|private|subscription|functions)?[-_.]?key$|apikey/i;
/** User and password, or a secret parameter, inside a URL. */
const URL_SECRET =
  /^[a-z]+:\/\/[^/?#]*@|[?&][^=&]*(token|secret|passw|pwd|signature|api[-_]?key|access[-_]?key)[^=&]*=/i;

/** JSON pointers of everything that may be a secret, present or not. */
export function secretPointers(source: SourceSpec): string[] {
  const pointers = new Set<string>();
  const document = source as unknown as JsonObject;
  const client = isJsonObject(document.client) ? document.client : {};
  addUrl(client.base_url, "/client/base_url", pointers);
  addNamed(client.headers, "/client/headers", pointers);
  addAuth(client.auth, "/client/auth", pointers);
  if (isJsonObject(client.proxies)) {
    for (const [scheme, proxy] of Object.entries(client.proxies))
      if (isSecretRef(proxy) || (typeof proxy === "string" && proxy.includes("@")))
        pointers.add(`/client/proxies/${escaped(scheme)}`);
  }
  addKey(client.cert, "/client/cert", pointers);
  if (isJsonObject(document.resource_defaults)) {
    addEndpoint(document.resource_defaults.endpoint, "/resource_defaults/endpoint", pointers);
  }
  const resources = Array.isArray(document.resources) ? document.resources : [];
  resources.forEach((resource, i) => {
    if (isJsonObject(resource)) addEndpoint(resource.endpoint, `/resources/${i}/endpoint`, pointers);
    else addUrl(resource, `/resources/${i}`, pointers);
  });
  return [...pointers];
}

function addEndpoint(endpoint: Json | undefined, at: string, pointers: Set<string>): void {
  addUrl(endpoint, at, pointers);
  if (!isJsonObject(endpoint)) return;
  addUrl(endpoint.path, `${at}/path`, pointers);
  addAuth(endpoint.auth, `${at}/auth`, pointers);
  for (const key of ["headers", "params", "json", "data"]) addNamed(endpoint[key], `${at}/${key}`, pointers);
}

function addAuth(auth: Json | undefined, at: string, pointers: Set<string>): void {
  if (!isJsonObject(auth)) return;
  for (const field of AUTH_SECRETS) if (Object.hasOwn(auth, field)) pointers.add(`${at}/${field}`);
  addUrl(auth.access_token_url, `${at}/access_token_url`, pointers);
  addNamed(auth.access_token_request_data, `${at}/access_token_request_data`, pointers);
}

/** Entries whose names say "secret", at any depth; placeholders and references are none. */
function addNamed(value: Json | undefined, at: string, pointers: Set<string>): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, one] of Object.entries(value)) {
    const pointer = `${at}/${escaped(key)}`;
    if (typeof one === "object" && one !== null) {
      if (!isSecretRef(one)) addNamed(one as Json, pointer, pointers);
      else if (SECRET_NAME.test(key)) pointers.add(pointer);
    } else if (typeof one === "string" && SECRET_NAME.test(key) && !/\{[^{}]+\}/.test(one)) {
      pointers.add(pointer);
    }
  }
}

/** A key may stand in the spec as it is, or behind a reference; the path of a file is no secret. */
function addKey(cert: Json | undefined, at: string, pointers: Set<string>): void {
  if (Array.isArray(cert)) for (const [i, one] of cert.entries()) addKey(one, `${at}/${i}`, pointers);
  else if (isSecretRef(cert) || (typeof cert === "string" && cert.includes("-----BEGIN"))) pointers.add(at);
}

function escaped(key: string): string {
  return key.replaceAll("~", "~0").replaceAll("/", "~1");
}

function addUrl(value: Json | undefined, at: string, pointers: Set<string>): void {
  if (typeof value === "string" && URL_SECRET.test(value)) pointers.add(at);
}

/**
 * Keeps secrets out of places to resume: servers like to repeat the whole query, keys included, in their next links.
 * What is masked is a name, so that the place can be used again by who knows the secrets.
 */
export class SecretMask {
  private readonly names: { plain: string; mask: string }[] = [];

  constructor(source: SourceSpec) {
    for (const pointer of secretPointers(source)) {
      const text = at(source as unknown as JsonObject, pointer);
      if (typeof text !== "string" || text.length < 4) continue;
      const forms = new Map([
        [text, ""],
        [quotePlus(text), "+"],
        [encodeURIComponent(text), "%"],
      ]);
      for (const [plain, form] of forms) this.names.push({ plain, mask: `{{secret${form}:${pointer}}}` });
    }
    this.names.sort((a, b) => b.plain.length - a.plain.length);
  }

  /** The secrets themselves, as they stand in the spec and as they stand in a URL. */
  get texts(): string[] {
    return [...new Set(this.names.map(({ plain }) => plain))];
  }

  hide(place: Json): Json {
    return this.names.length === 0 ? place : this.replace(place, "plain", "mask");
  }

  reveal(place: Json): Json {
    return this.names.length === 0 ? place : this.replace(place, "mask", "plain");
  }

  private replace(value: Json, from: "plain" | "mask", to: "plain" | "mask"): Json {
    if (typeof value === "string") {
      let text = value;
      for (const name of this.names) text = text.replaceAll(name[from], () => name[to]);
      return text;
    }
    if (Array.isArray(value)) return value.map(one => this.replace(one, from, to));
    if (!isJsonObject(value)) return value;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.replace(one, from, to)]));
  }
}

function at(document: JsonObject, pointer: string): Json | undefined {
  let node: Json | undefined = document;
  for (const part of pointer.split("/").slice(1)) {
    if (node === null || typeof node !== "object") return undefined;
    node = (node as JsonObject)[part.replaceAll("~1", "/").replaceAll("~0", "~")];
  }
  return node;
}
