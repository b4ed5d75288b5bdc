/**
 * Who we are to Databricks: a personal access token, a service principal's token that is fetched and kept, or what a
 * profile of the Databricks CLI has.
 */
import { isOverAfter } from "../../pipeline/clocks";
import { TidemarkError } from "../../pipeline/errors";
import { loginOf, type ProfileName } from "./cli-profile";
import type { Endpoint } from "./endpoint";
import { httpError, sortError } from "./errors";
import { httpsRequest } from "./https-request";
import { type DatabricksDestination, usesTaskSession } from "./spec";

/** The value of the header `Authorization`, fetched anew before it expires. */
export interface Credentials {
  authorization(): Promise<string>;
}

/** A token is renewed this long before its end. */
const RENEW_BEFORE_MS = 120_000;

/** @throws TidemarkError SPEC_INVALID without any, DESTINATION_DENIED when the service principal is refused */
export function credentialsOf(spec: DatabricksDestination, endpoint: Endpoint): Credentials {
  if (usesTaskSession(spec)) return { authorization: () => Promise.reject(notAsked()) };
  if (spec.profile !== undefined) {
    return kept(async () => {
      const login = await loginOf(spec as ProfileName);
      if ("token" in login) return { header: `Bearer ${login.token}`, isOver: renewal(login.until) };
      return await fetchToken(endpoint, login.client_id, login.client_secret);
    });
  }
  const token = text(spec.access_token, "access_token");
  if (token !== undefined) return { authorization: async () => `Bearer ${token}` };
  const secret = text(spec.client_secret, "client_secret");
  const id = text(spec.client_id, "client_id");
  if (id === undefined || secret === undefined) {
    throw new TidemarkError(
      "SPEC_INVALID",
      "destination: Databricks needs access_token (DATABRICKS_TOKEN), client_id and client_secret of a service " +
        "principal (DATABRICKS_CLIENT_ID, DATABRICKS_CLIENT_SECRET), or profile (DATABRICKS_CONFIG_PROFILE).",
    );
  }
  return kept(() => fetchToken(endpoint, id, secret));
}

interface Token {
  header: string;
  isOver: () => boolean;
}

/** Asked for once, and again when it is about to end. */
function kept(fetch: () => Promise<Token>): Credentials {
  let current: Promise<Token> | undefined;
  return {
    async authorization() {
      if (current === undefined || (await current).isOver()) {
        current = fetch();
        current.catch(() => {
          current = undefined;
        });
      }
      return (await current).header;
    },
  };
}

/** The session is somebody's already, and nothing goes to the workspace beside it. */
function notAsked(): TidemarkError {
  return new TidemarkError(
    "INTERNAL",
    "A load through the task's Spark session wanted a token. Please report this.",
  );
}

function text(value: DatabricksDestination["access_token"], name: string): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw new TidemarkError(
    "INTERNAL",
    `destination.${name} was not looked up before use. Please report this.`,
  );
}

/** Some time before the end, which a token of a few minutes must not be asked for all the time. */
function renewal(end = Number.POSITIVE_INFINITY): () => boolean {
  const life = end - Date.now();
  return isOverAfter(Math.max(life - RENEW_BEFORE_MS, life / 2));
}

async function fetchToken(endpoint: Endpoint, id: string, secret: string): Promise<Token> {
  const context = { where: endpoint.where, doing: "asking for an access token" };
  try {
    const answer = await httpsRequest(endpoint, {
      method: "POST",
      path: "/oidc/v1/token",
      headers: {
        authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString("base64")}`,
        "content-type": "application/x-www-form-urlencoded",
      },
      body: "grant_type=client_credentials&scope=all-apis",
    });
    if (answer.status === 400 || answer.status === 401) throw new Error("invalid_client");
    if (answer.status !== 200)
      throw httpError(answer.status, `Databricks ${context.where}, ${context.doing}: `);
    const { access_token, expires_in } = JSON.parse(answer.body) as {
      access_token: string;
      expires_in?: number;
    };
    return { header: `Bearer ${access_token}`, isOver: renewal(Date.now() + (expires_in ?? 3600) * 1000) };
  } catch (error) {
    throw sortError(error, context);
  }
}
