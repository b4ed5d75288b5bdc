/** The steps after the load, on one living host: dbt freshness → dbt build → metrics → gate. */
import type { Activities } from "../activities";
import type {
  DbtInfo,
  GateDecision,
  GateInfo,
  LoadFacts,
  NodesProgress,
  PublishInfo,
  ResolvedRun,
} from "../pipeline/infos";
import type { ActivityName, StepPlace } from "./activity-options";
import { dbtNodesSignal, nodesOf } from "./messages";
import { setHandler } from "./unexpected";

const TITLES = {
  dbtFreshness: ["dbt source freshness", "dbt source freshness"],
  dbtBuild: ["dbt build", "dbt build"],
  collectMetrics: ["metrics", "read the gate's metrics"],
  decideGate: ["gate", "decide promote, review or block"],
  publishCandidate: ["publish", "make the candidate live, or keep it back"],
} as const;

export type RunActivity = <N extends ActivityName & keyof Activities>(
  name: N,
  args: Parameters<Activities[N]>,
  place: StepPlace,
) => Promise<Awaited<ReturnType<Activities[N]>>>;

/** What the steps have given so far. */
export interface Judged {
  freshness?: DbtInfo;
  dbt?: DbtInfo;
  gate?: GateInfo;
  publish?: PublishInfo;
}

/** Without a gate dbt's own tests judge. */
function decisionOn({ dbt, gate }: Judged): GateDecision {
  return gate?.decision ?? (dbt?.success ? "promote" : "block");
}

/**
 * @param judged is filled in; what an earlier host finished is there already and is not repeated. With a gate that a person
 * has resolved, what is left is the candidate.
 * @param facts of this run's load
 * @param named runs a step under its name, for progress
 * @param onNodes hears of dbt's nodes as they finish
 */
export async function transformAndJudge(
  { spec }: ResolvedRun,
  run_id: string,
  judged: Judged,
  facts: LoadFacts,
  place: Omit<StepPlace, "summary">,
  activity: RunActivity,
  named: <T>(name: string, work: () => Promise<T>) => Promise<T>,
  onNodes: (nodes: NodesProgress | undefined) => void,
): Promise<void> {
  setHandler(dbtNodesSignal, payload => onNodes(nodesOf(payload)));
  const step = <N extends keyof typeof TITLES>(name: N, args: Parameters<Activities[N]>) => {
    const [title, summary] = TITLES[name];
    return named(title, () => activity(name, args, { summary, ...place }));
  };
  if (spec.transform !== undefined) {
    const request = { spec, run_id };
    if (spec.transform.dbt.freshness) judged.freshness ??= await step("dbtFreshness", [request]);
    judged.dbt ??= await step("dbtBuild", [request]);
  }
  const settle = async () => {
    const candidate = judged.dbt?.candidate;
    if (candidate === undefined) return;
    const decision = decisionOn(judged);
    judged.publish = await step("publishCandidate", [{ spec, candidate, decision }]);
  };
  if (judged.gate?.resolved_by !== undefined || spec.gate === undefined) return await settle();
  const { dbt, freshness } = judged;
  const schema = dbt?.schema;
  const metrics = await step("collectMetrics", [
    { spec, facts, ...(schema === undefined ? {} : { schema }) },
  ]);
  judged.gate = await step("decideGate", [
    {
      spec,
      run_id,
      metrics,
      dbt,
      freshness,
      ...(facts.tables === undefined ? {} : { tables: facts.tables }),
    },
  ]);
  await settle();
}
