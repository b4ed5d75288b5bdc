/** dlt's auth kinds (dlt-compatibility g.2), applied anew to every request, so that no place to resume holds a secret. */

import { isObject } from "../../json/jsonpath";
import { isOverAfter } from "../../pipeline/clocks";
import { TidemarkError } from "../../pipeline/errors";
import type { Json } from "../../pipeline/spec";
import { readJson } from "../http/body";
import type { HttpCall } from "../http/call";
import type { HttpClient } from "../http/client";
import { pythonText } from "../http/python-repr";
import { encodeParams, type Params } from "../http/url";
import type { AuthConfig, OAuth2Config } from "./config";
import { pythonInt } from "./response";

export interface Auth {
  /** Adds credentials. @throws TidemarkError HTTP_* when a token cannot be had */
  apply(call: HttpCall): Promise<void> | void;
}

const DEFAULT_EXPIRATION_SECONDS = 3600;

/** @param what for messages: the resource and where its auth stands */
export function createAuth(config: AuthConfig, http: HttpClient, what: string): Auth {
  switch (config.type) {
    case "bearer":
      return { apply: call => setHeader(call, "Authorization", `Bearer ${config.token}`) };
    case "api_key": {
      const name = config.name ?? "Authorization";
      const key = config.api_key ?? "";
      if (config.location === "query" || config.location === "param") {
        return {
          apply: call => {
            call.url += `${call.url.includes("?") ? "&" : "?"}${encodeParams({ [name]: key })}`;
          },
        };
      }
      return { apply: call => setHeader(call, name, key) };
    }
    case "http_basic":
      return {
        apply: call => setHeader(call, "Authorization", basic(config.username ?? "", config.password ?? "")),
      };
    case "oauth2_client_credentials":
      return new ClientCredentials(config, http, what);
  }
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`, "utf8").toString("base64")}`;
}

function setHeader(call: HttpCall, name: string, value: string): void {
  for (const given of Object.keys(call.headers)) {
    if (given.toLowerCase() === name.toLowerCase()) delete call.headers[given];
  }
  call.headers[name] = value;
}

/** OAuth 2.0 client credentials: one token per open resource, asked for again when it has expired. */
class ClientCredentials implements Auth {
  private token = "";
  private isOver = (): boolean => true;

  constructor(
    private readonly config: OAuth2Config,
    private readonly http: HttpClient,
    private readonly what: string,
  ) {}

  async apply(call: HttpCall): Promise<void> {
    if (this.isOver()) await this.obtain();
    setHeader(call, "Authorization", `Bearer ${this.token}`);
  }

  private async obtain(): Promise<void> {
    const what = `${this.what}: the token request (access_token_url)`;
    const credentials = "Check client_id, client_secret and access_token_request_data.";
    const form: Params = {
      client_id: this.config.client_id ?? "",
      client_secret: this.config.client_secret ?? "",
      grant_type: "client_credentials",
      ...(this.config.access_token_request_data as { [key: string]: Json } | null | undefined),
    };
    const response = await this.http
      .send({
        method: "POST",
        url: this.config.access_token_url,
        headers: { "Content-Type": "application/x-www-form-urlencoded" },
        body: encodeParams(form),
        what,
        credentials,
      })
      .catch(error => {
        if (!(error instanceof TidemarkError) || error.code !== "HTTP_STATUS") throw error;
        throw new TidemarkError("HTTP_UNAUTHORIZED", `${what} was refused. ${credentials}`);
      });
    const body = readJson(response!.body, response!.header("content-type"));
    const token = isObject(body) ? body.access_token : undefined;
    if (!isObject(body) || token === undefined || token === null) {
      throw new TidemarkError(
        "HTTP_UNAUTHORIZED",
        `${what} was answered without an access_token. ${credentials}`,
      );
    }
    const lifetime = body.expires_in ?? this.config.default_token_expiration ?? DEFAULT_EXPIRATION_SECONDS;
    this.token = pythonText(token);
    this.isOver = isOverAfter((pythonInt(lifetime) ?? DEFAULT_EXPIRATION_SECONDS) * 1000);
  }
}
