/** Credentials that a REST config leaves out, as dlt looks them up (dlt: create_auth, CredentialsConfiguration). */

import { isSecretRef } from "../../pipeline/secret-ref";
import type { Json, JsonObject, SourceSpec } from "../../pipeline/spec";
import type { SourceSetting } from "../source";
import { isJsonObject } from "./merge-defaults";
import { AUTH_FIELDS } from "./shapes";

/** Fields besides the secrets, of which dlt lets a configured value win over the config's own. */
const OTHER_FIELDS: { [type: string]: string[] } = {
  api_key: ["name", "location"],
  oauth2_client_credentials: ["access_token_url"],
};
/** Types whose credentials may be one text (dlt: parse_native_representation). */
const ONE_TEXT = ["bearer", "api_key"];
/** dlt: `str` instead of `TSecretStrValue`. */
const NO_SECRETS = ["username"];

export function authSettings(source: SourceSpec): SourceSetting[] {
  const document = source as unknown as JsonObject;
  const section = typeof source.section === "string" ? source.section : "rest_api";
  const sections = ["sources", section, source.name];
  const places: [Json | undefined, string][] = [[document.client, "/client"]];
  const endpoint = (of: Json | undefined) => (isJsonObject(of) ? of.endpoint : undefined);
  places.push([endpoint(document.resource_defaults), "/resource_defaults/endpoint"]);
  if (Array.isArray(document.resources)) {
    places.push(
      ...document.resources.map((one, i): [Json | undefined, string] => [
        endpoint(one),
        `/resources/${i}/endpoint`,
      ]),
    );
  }
  return places.flatMap(([place, at]) =>
    isJsonObject(place) ? settingsOf(place.auth, `${at}/auth`, sections) : [],
  );
}

function settingsOf(auth: Json | undefined, at: string, sections: string[]): SourceSetting[] {
  if (auth === undefined || auth === null || isSecretRef(auth)) return [];
  const type = typeof auth === "string" ? auth : isJsonObject(auth) ? String(auth.type ?? "bearer") : "";
  const secrets = AUTH_FIELDS[type] ?? [];
  const given = (field: string) => isJsonObject(auth) && (auth[field] ?? null) !== null;
  // Complete as it is: dlt looks nothing up.
  if (secrets.every(given) && (type !== "oauth2_client_credentials" || given("access_token_url"))) return [];
  const common = { sections, kind: "text", parent: { type } } as const;
  const field = (key: string, more: Partial<SourceSetting>): SourceSetting => ({
    ...common,
    pointer: `${at}/${key}`,
    key,
    within: "credentials",
    wins: true,
    ...more,
  });
  const whole = ONE_TEXT.includes(type)
    ? [
        {
          ...common,
          pointer: `${at}/${secrets[0]}`,
          key: "credentials",
          secret: true,
          reference: true,
          wins: true,
        },
      ]
    : [];
  return [
    ...whole,
    ...secrets.map(key => field(key, { secret: !NO_SECRETS.includes(key), reference: true, required: true })),
    ...(OTHER_FIELDS[type] ?? []).map(key => field(key, {})),
  ];
}

/** The variable to name in a message: the shortest that belongs to this source alone. */
export function credentialVariable(sourceName: string, field: string): string {
  const own = sourceName === "rest_api" ? [] : [sourceName];
  return ["sources", "rest_api", ...own, "credentials", field].join("__").toUpperCase();
}
