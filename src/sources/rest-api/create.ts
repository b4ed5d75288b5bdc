/** A resolved REST config becomes resources that can be read. Loads the HTTP client, which checking a spec does without. */
import { TidemarkError } from "../../pipeline/errors";
import type { SourceSpec } from "../../pipeline/spec";
import { sharedPace } from "../http/pace";
import { isHttpUrl } from "../http/url";
import type { Source, SpecProblem, Surroundings } from "../source";
import { credentialVariable } from "./auth-settings";
import type { AuthConfig, ResourceConfig } from "./config";
import { resolveConfig } from "./resolve";
import { type Reach, RestResource } from "./resource";
import { SecretMask } from "./secrets";
import { AUTH_FIELDS } from "./shapes";

/** @throws TidemarkError SPEC_INVALID, SECRET_MISSING */
export function create(source: SourceSpec, surroundings?: Surroundings): Source {
  const problems: SpecProblem[] = [];
  const { client, resources } = resolveConfig(source, new Set(), problems);
  if (problems.length > 0) {
    const lines = problems.map(problem => `source.${problem.path.join(".")}: ${problem.message}`);
    throw new TidemarkError("SPEC_INVALID", lines.join("\n"));
  }
  for (const resource of resources) requireSecrets(resource.auth, resource.authPath, source.name);
  const mask = new SecretMask(source);
  const { verify } = client.tls;
  const reach: Reach = {
    network: surroundings?.network,
    secrets: [...new Set([...mask.texts, ...(surroundings?.secrets ?? [])])],
    hosts: namedHosts(client.base_url, resources),
    pace: () => sharedPace(source.client, client.limits),
  };
  return {
    name: source.name,
    resources: resources.map(config => new RestResource(client, config, mask, reach)),
    ...(verify === false ? { warnings: [UNCHECKED] } : {}),
  };
}

const UNCHECKED =
  "source.client.verify is false: no certificate is checked, so whoever stands between can read the credentials and " +
  "change the rows. Name the authority's PEM file instead.";

/** Hosts that the spec itself names, not those that rows and answers do. */
function namedHosts(baseUrl: string, resources: readonly ResourceConfig[]): Set<string> {
  const urls = [baseUrl, ...resources.map(({ path }) => path)];
  for (const { auth } of resources) {
    if (auth?.type === "oauth2_client_credentials") urls.push(auth.access_token_url);
  }
  const hosts = urls
    .filter(url => isHttpUrl(url) && !/^[^?#]*\/\/[^/?#]*\{/.test(url) && URL.canParse(url))
    .map(url => new URL(url).hostname);
  return new Set(hosts);
}

function requireSecrets(auth: AuthConfig | undefined, authPath: string, sourceName: string): void {
  if (auth === undefined) return;
  for (const field of AUTH_FIELDS[auth.type]!) {
    const value = (auth as unknown as { [field: string]: unknown })[field];
    if (typeof value === "string") continue;
    throw new TidemarkError(
      "SECRET_MISSING",
      `${authPath} (${auth.type}) has no ${field}. Write it as {"env": "NAME"} and set that variable where the worker ` +
        `runs, or set ${credentialVariable(sourceName, field)}.`,
    );
  }
}
