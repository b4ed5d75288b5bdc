import { WORKFLOW_MARK } from "../../../src/pipeline/names";

export { load } from "../../../src/workflows";

export async function pipeline(): Promise<string> {
  return `the team's own, in place of ${WORKFLOW_MARK}`;
}
