/** What a host says of a pipeline's packages, and drops of them when asked to: by its own command, or for another machine. */
import type { PackagesAnswer, PackagesRequest } from "../pipeline/infos";
import { describeOwner, isOfAnotherServer } from "../pipeline/package-base";
import type { PackageRecord } from "./package-record";
import {
  abortPackages,
  type PackageScope,
  pendingPackages,
  unfinishedPackages,
  unreadableNotes,
} from "./packages";

/**
 * @param own the namespace and server that were asked whether a load runs
 * @throws TidemarkError PACKAGE_PARTLY_LOADED: nothing was dropped
 */
export async function answerPackages(
  scope: PackageScope,
  own: { namespace: string; server?: string },
  drop: PackagesRequest["drop"],
): Promise<PackagesAnswer> {
  const keep = ({ owner }: PackageRecord) => drop?.force !== true && isOfAnotherServer(owner, own);
  const kept = drop === undefined ? [] : (await unfinishedPackages(scope)).filter(keep);
  const dropped = drop === undefined ? [] : await abortPackages(scope, { ...drop, keep });
  return {
    pending: (await pendingPackages(scope)).map(({ load_id, state }) => ({ load_id, state })),
    unreadable: await unreadableNotes(scope.root, scope.pipeline_name),
    dropped,
    kept: kept.map(({ load_id, owner }) => ({ load_id, owner: describeOwner(owner!) })),
  };
}
