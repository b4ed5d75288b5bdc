/** From a resolved spec to a working source or destination: secrets are looked up on the worker, at use. */

import { readFileSync } from "node:fs";
import type { Config } from "../config";
import { lookUpPath } from "../dlt-project/look-up";
import { type DltSettings, readDltSettings } from "../dlt-project/settings-files";
import { TidemarkError } from "../pipeline/errors";
import type { NotifySpec } from "../pipeline/notices";
import { collectTexts } from "../pipeline/redact";
import type { DestinationSpec, Json, JsonObject, ResolvedPipeline, SourceSpec } from "../pipeline/spec";
import { requireModule } from "../project-modules";
import { sourceType } from "../sources/registry";
import type { Source, Surroundings } from "../sources/source";
import { parseSpecText } from "./load-spec";
import { resolveSecrets, type SecretLookup } from "./secrets";

export interface OpenedSource {
  source: Source;
  /** Texts to mask in everything that leaves the worker. */
  secrets: string[];
}

/**
 * The spec with what only the source itself can say of its name and its resources; most sources stand in the spec whole.
 * @throws TidemarkError SECRET_MISSING, or what the source's type throws
 */
export async function describeSource(
  spec: ResolvedPipeline,
  config: Config,
  options: { signal: AbortSignal; onWait: (what: string) => void },
): Promise<{ spec: ResolvedPipeline; secrets: string[] }> {
  const type = sourceType(spec.source.type)!;
  if (type.describe === undefined) return { spec, secrets: [] };
  const { value, secrets } = resolveSecrets(spec.source as unknown as Json, lookupOf(config));
  const surroundings = surroundingsOf(config, secrets);
  const { name, described } = await type.describe(value as unknown as SourceSpec, surroundings, {
    ...options,
    pipeline_name: spec.pipeline_name,
  });
  return { spec: { ...spec, source: { ...spec.source, name, described } }, secrets };
}

function surroundingsOf(config: Config, secrets: readonly string[], load?: string): Surroundings {
  const { network, env, cacheDir: cache, sources: registered } = config;
  return { network, env, cache, registered, secrets: [...secrets], ...(load === undefined ? {} : { load }) };
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
  const surroundings = surroundingsOf(config, secrets, load);
  const source = await sourceType(spec.source.type)!.create(value as unknown as SourceSpec, surroundings);
  for (const proxy of Object.values(config.network.proxies))
    if (proxy.includes("@")) collectTexts(proxy, secrets);
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

/** A receiver of notices with its URL and headers in place of their references. @throws TidemarkError SECRET_MISSING */
export function withNotifySecrets(
  receiver: NotifySpec,
  place: number,
  config: Config,
): { value: NotifySpec; secrets: string[] } {
  const { value, secrets } = resolveSecrets(receiver as unknown as Json, lookupOf(config), `notify/${place}`);
  return { value: value as unknown as NotifySpec, secrets };
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
  try {
    return parseSpecText(readFileSync(file, "utf8")) as JsonObject;
  } catch (error) {
    // Its text may hold a secret, so nothing of it is quoted.
    const { code } = error as NodeJS.ErrnoException;
    const why = code !== undefined && /^E[A-Z]+$/.test(code) ? code : "it does not parse";
    throw new TidemarkError(
      "SECRET_MISSING",
      `${file} cannot be read on this host (${why}): a secret of this run is taken from there. Put the file back, or start the run anew with the spec where it is now.`,
    );
  }
}
