/** Source type `rest_api`: dlt's declarative REST configs (dlt: `rest_api_source`). */
import { TidemarkError } from "../../pipeline/errors";
import type { SourceSpec } from "../../pipeline/spec";
import type { Source, SourceType, SpecProblem } from "../source";
import { authSettings, credentialVariable } from "./auth-settings";
import { checkConfig } from "./check";
import type { AuthConfig } from "./config";
import { resolveConfig } from "./resolve";
import { RestResource } from "./resource";
import { SecretMask, secretPointers } from "./secrets";
import { AUTH_FIELDS } from "./shapes";

export const restApi: SourceType = {
  type: "rest_api",
  check: checkConfig,
  secretPointers,
  settings: authSettings,
  create,
};

/** @throws TidemarkError SPEC_INVALID, SECRET_MISSING */
function create(source: SourceSpec): Source {
  const problems: SpecProblem[] = [];
  const { client, resources } = resolveConfig(source, new Set(), problems);
  if (problems.length > 0) {
    const lines = problems.map(problem => `source.${problem.path.join(".")}: ${problem.message}`);
    throw new TidemarkError("SPEC_INVALID", lines.join("\n"));
  }
  for (const resource of resources) requireSecrets(resource.auth, resource.authPath, source.name);
  const mask = new SecretMask(source);
  return { name: source.name, resources: resources.map(config => new RestResource(client, config, mask)) };
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
