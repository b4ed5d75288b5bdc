/** `tidemark abort-packages`: drop what a failed run left pending (dlt: drop_pending_packages), here or where it is. */
import type { Config } from "../config";
import type { PackagesAnswer } from "../pipeline/infos";
import { loadSpec } from "../spec/load-spec";
import { resolveSpec } from "../spec/resolve-spec";
import { findPackages } from "./packages-elsewhere";

export async function abortCommand(
  config: Config,
  pipeline: string,
  options: { force?: boolean },
): Promise<void> {
  const spec = resolveSpec(loadSpec(pipeline, config), {}, config);
  const { here, elsewhere } = await findPackages(config, spec, { force: options.force === true });
  const lines = told(here, config.namespace, "");
  if (elsewhere?.answer) {
    const on = ` on host ${elsewhere.host.host}`;
    lines.push(...told(elsewhere.answer, config.namespace, on));
  } else if (elsewhere) {
    const { left, host, why } = elsewhere;
    lines.push(
      `No package is pending on this host. The last load (${left.load_id}) did not complete, and what it left is on host ` +
        `${host.host} (task queue ${host.disk}), which cannot be asked: ${why} Start its worker, or call this there, with the ` +
        "package root of its worker.",
    );
  }
  process.stdout.write(`${lines.join("\n") || "No package is pending."}\n`);
}

function told({ kept, unreadable, dropped }: PackagesAnswer, namespace: string, on: string): string[] {
  return [
    ...kept.map(
      ({ load_id, owner }) =>
        `Left ${load_id}${on}: ${owner} may be at it, and this command asks only namespace ${namespace} of its ` +
        "own server. Call it there, or with --force when nobody loads it.",
    ),
    ...unreadable,
    ...(dropped.length === 0
      ? []
      : [
          `Dropped ${dropped.join(", ")}${on}: the cursor had not moved, so the next run extracts these rows again.`,
        ]),
  ];
}
