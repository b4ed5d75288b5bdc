/** Who we are to Databricks: a personal access token, or a service principal's token that is fetched and kept. */
import { TidemarkError } from "../../pipeline/errors";
import type { Endpoint } from "./endpoint";
import { httpError, sortError } from "./errors";
import { httpsRequest } from "./https-request";
import type { DatabricksDestination } from "./spec";

/** The value of the header `Authorization`, fetched anew before it expires. */
export interface Credentials {
  authorization(): Promise<string>;
}

/** A token is renewed this long before its end. */
const RENEW_BEFORE_MS = 120_000;

/** @throws TidemarkError SPEC_INVALID without any, DESTINATION_DENIED when the service principal is refused */
export function credentialsOf(spec: DatabricksDestination, endpoint: Endpoint): Credentials {
  const token = text(spec.access_token, "access_token");
  if (token !== undefined) return { authorization: async () => `Bearer ${token}` };
  const secret = text(spec.client_secret, "client_secret");
  const id = text(spec.client_id, "client_id");
  if (id === undefined || secret === undefined) {
    throw new TidemarkError(
      "SPEC_INVALID",
      "destination: Databricks needs access_token (DATABRICKS_TOKEN), or client_id and client_secret of a service " +
        "principal (DATABRICKS_CLIENT_ID, DATABRICKS_CLIENT_SECRET).",
    );
  }
  let current: Promise<{ header: string; until: number }> | undefined;
  return {
    async authorization() {
      const now = Date.now();
      if (current === undefined || (await current).until < now) {
        current = fetchToken(endpoint, id, secret);
        current.catch(() => {
          current = undefined;
        });
      }
      return (await current).header;
    },
  };
}

function text(value: DatabricksDestination["access_token"], name: string): string | undefined {
  if (value === undefined || typeof value === "string") return value;
  throw new TidemarkError(
    "INTERNAL",
    `destination.${name} was not looked up before use. Please report this.`,
  );
}

async function fetchToken(
  endpoint: Endpoint,
  id: string,
  secret: string,
): Promise<{ header: string; until: number }> {
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
    const life = (expires_in ?? 3600) * 1000;
    return {
      header: `Bearer ${access_token}`,
      until: Date.now() + Math.max(life - RENEW_BEFORE_MS, life / 2),
    };
  } catch (error) {
    throw sortError(error, context);
  }
}
