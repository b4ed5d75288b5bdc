/** From a resolved spec to a working source: secrets looked up on the worker, the source's own type builds it. */

import { readFileSync } from "node:fs";
import { parse as parseYaml } from "yaml";
import type { Config } from "../config";
import { lookUpPath } from "../dlt-project/look-up";
import { type DltSettings, readDltSettings } from "../dlt-project/settings-files";
import type { Json, JsonObject, ResolvedPipeline, SourceSpec } from "../pipeline/spec";
import { sourceType } from "../sources/registry";
import type { Source } from "../sources/source";
import { resolveSecrets } from "./secrets";

export interface OpenedSource {
  source: Source;
  /** Texts to mask in everything that leaves the worker. */
  secrets: string[];
}

/** @throws TidemarkError SECRET_MISSING, or what the source's type throws */
export async function openSource(spec: ResolvedPipeline, config: Config): Promise<OpenedSource> {
  // Files are read only when a reference needs them, and once.
  let settings: DltSettings | undefined;
  const { value, secrets } = resolveSecrets(spec.source as unknown as Json, {
    env: config.env,
    readDltSetting: path => {
      settings ??= readDltSettings(config.dlt, config.env);
      return lookUpPath(settings, path);
    },
    readSpecFile: readLocalSpec,
  });
  const source = await sourceType(spec.source.type)!.create(value as unknown as SourceSpec);
  return { source, secrets };
}

function readLocalSpec(file: string): JsonObject {
  if (/\.[tj]s$/.test(file)) {
    return JSON.parse(JSON.stringify((require(file) as { default: unknown }).default)) as JsonObject;
  }
  return parseYaml(readFileSync(file, "utf8")) as JsonObject;
}
