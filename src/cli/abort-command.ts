/** `tidemark abort-packages`: drop what a failed run left pending (dlt: drop_pending_packages). */
import type { Config } from "../config";
import { createDestination } from "../destinations/registry";
import { abortPackages } from "../package/packages";
import { loadSpec } from "../spec/load-spec";
import { resolveSpec } from "../spec/resolve-spec";

export async function abortCommand(
  config: Config,
  pipeline: string,
  options: { force?: boolean },
): Promise<void> {
  const spec = resolveSpec(loadSpec(pipeline, config), {}, config);
  const scope = {
    root: config.packageRoot,
    pipeline_name: spec.pipeline_name,
    dataset: spec.dataset_name,
    fingerprint: createDestination(spec.destination).identity.fingerprint,
  };
  const dropped = await abortPackages(scope, options);
  console.log(
    dropped.length === 0
      ? "No package is pending."
      : `Dropped ${dropped.join(", ")}: the cursor had not moved, so the next run extracts these rows again.`,
  );
}
