/** What a load package was begun from, and who began it: kept with the package and compared by the destination. */

/**
 * How loads of one pipeline are told from others in `_dlt_loads`, which has no column for the pipeline. An id with
 * eleven decimals is ours and ends with its pipeline's mark; any other (dlt's, or from before there were marks) belongs
 * to the pipeline when it has the schema's name and no state row of another pipeline.
 */
export interface PipelineLoads {
  pipeline_name: string;
  schema_name: string;
  mark: string;
}

/**
 * The pipeline's newest committed load when a package was begun. Nothing is committed from a package once the
 * destination has another one (design law 11).
 */
export interface PackageBase extends PipelineLoads {
  load_id: string | null;
  /** The load of the newest state row. */
  state_load_id: string | null;
}

/** The run that a package belongs to, for people and for `abort-packages`. */
export interface PackageOwner {
  workflow_id: string;
  run_id: string;
  namespace: string;
  host: string;
  /** Id of the Temporal cluster. */
  server?: string;
}

/**
 * Whether a run of another namespace or Temporal server left it: nobody here can know whether that one is still at it.
 * What an owner does not say is taken for the same.
 */
export function isOfAnotherServer(
  owner: PackageOwner | undefined,
  own: Pick<PackageOwner, "namespace" | "server"> | undefined,
): boolean {
  if (owner === undefined || own === undefined) return false;
  if (owner.namespace !== own.namespace) return true;
  return owner.server !== undefined && own.server !== undefined && owner.server !== own.server;
}

/** Where a run was started, for people. */
export function describeOwner({ workflow_id, namespace, host, server }: PackageOwner): string {
  const at = server === undefined ? "" : ` (Temporal server ${server})`;
  return `workflow ${workflow_id} in namespace ${namespace} on host ${host}${at}`;
}

type Newest = Pick<PackageBase, "load_id" | "state_load_id">;

export function isSameBase(base: Newest, found: Newest): boolean {
  return base.load_id === found.load_id && base.state_load_id === found.state_load_id;
}

/** For errors and notes alike. */
export function describeSuperseded(
  { load_id, dataset }: { load_id: string; dataset: string },
  base: Pick<PackageBase, "pipeline_name" | "load_id">,
  now: string | null,
): string {
  const was = base.load_id === null ? "before any load" : `after load ${base.load_id}`;
  return (
    `load package ${load_id} of pipeline "${base.pipeline_name}" was begun ${was}, but the newest load of it in dataset ` +
    `"${dataset}" is now ${now ?? "none"}: another run or engine committed in between, or the destination was put back. ` +
    "Nothing of the package is loaded; its rows are extracted again"
  );
}
