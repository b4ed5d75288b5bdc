/** A team that has a workflow `pipeline` already. */
export { load as loadData, pipeline as elt } from "../../../src/workflows";

export async function pipeline(): Promise<string> {
  return "the team's own";
}
