/** Parameters of a plain query that the incremental range fills. Checking a spec needs them, and no driver. */
import { bindNames } from "./named-parameters";

/** Names that the engine fills from the incremental range. */
export const RANGE_NAMES = ["start_value", "end_value", "last_value", "initial_value"] as const;

export function usesRange(query: string): boolean {
  const { names } = bindNames(query);
  return RANGE_NAMES.some(name => names.includes(name));
}
