/** From a resolved spec to a working source or destination: secrets are looked up on the worker, at use. */

import { readFileSync } from "node:fs";
import type { Config } from "../config";
import { lookUpPath } from "../dlt-project/look-up";
import { type DltSettings, readDltSettings } from "../dlt-project/settings-files";
import type { DestinationSpec, Json, JsonObject, ResolvedPipeline, SourceSpec } from "../pipeline/spec";
import { requireModule } from "../project-modules";
import { sourceType } from "../sources/registry";
import type { Source } from "../sources/source";
import { parseSpecText } from "./load-spec";
import { collectTexts, resolveSecrets, type SecretLookup } from "./secrets";

export interface OpenedSource {
  source: Source;
  /** Texts to mask in everything that leaves the worker. */
  secrets: string[];
}

/**
 * @param load names the load that it is opened for; see Surroundings
 * @throws TidemarkError SECRET_MISSING, or what the source's type throws
 */
export async function openSource(
  spec: ResolvedPipeline,
  config: Config,
  load?: string,
): Promise<OpenedSource> {
  const { value, secrets } = resolveSecrets(spec.source as unknown as Json, lookupOf(config));
  const { network, env } = config;
  const surroundings = { network, env, secrets: [...secrets], ...(load === undefined ? {} : { load }) };
  const source = await sourceType(spec.source.type)!.create(value as unknown as SourceSpec, surroundings);
  for (const proxy of Object.values(network.proxies)) if (proxy.includes("@")) collectTexts(proxy, secrets);
  return { source, secrets };
}

/**
 * A destination with its tokens in place of their references: for the worker that opens it, never for history.
 * @throws TidemarkError SECRET_MISSING
 */
export function withDestinationSecrets(
  destination: DestinationSpec,
  config: Config,
): { destination: DestinationSpec; secrets: string[] } {
  const { value, secrets } = resolveSecrets(destination as unknown as Json, lookupOf(config), "destination");
  return { destination: value as unknown as DestinationSpec, secrets };
}

function lookupOf(config: Config): SecretLookup {
  // Files are read only when a reference needs them, and once.
  let settings: DltSettings | undefined;
  return {
    env: config.env,
    readDltSetting: path => {
      settings ??= readDltSettings(config.dlt, config.env);
      return lookUpPath(settings, path);
    },
    readSpecFile: readLocalSpec,
  };
}

function readLocalSpec(file: string): JsonObject {
  if (/\.[tj]s$/.test(file)) {
    return JSON.parse(JSON.stringify(requireModule(file).default)) as JsonObject;
  }
  return parseSpecText(readFileSync(file, "utf8")) as JsonObject;
}
