/**
 * Are Tidemark's workflows in the worker's code, and under which names? Told when the worker is made: the SDK would find
 * out at the first task, log it, and repeat that task for ever.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { createContext, Script } from "node:vm";
import { TidemarkError } from "../pipeline/errors";
import { WORKFLOW_LOAD, WORKFLOW_MARK, WORKFLOW_PIPELINE } from "../pipeline/names";

const HOW =
  '`export { pipeline, load } from "tidemark/workflows";` in the file that `workflowsPath` names (or is bundled from)';

/**
 * @param code of the bundle
 * @returns the name under which workflow `load` is exported, mostly its own
 * @throws TidemarkError WORKFLOWS_MISSING, NAME_TAKEN
 */
export function requireWorkflows(code: string): string {
  if (!code.includes(WORKFLOW_MARK)) {
    throw new TidemarkError(
      "WORKFLOWS_MISSING",
      `The worker's workflow code holds none of Tidemark's workflows: write ${HOW}.`,
    );
  }
  const exported = exportsOf(code);
  // Code that can be loaded inside a workflow only: what it exports shows when a workflow runs.
  if (exported === undefined) return WORKFLOW_LOAD;
  const names: { [own: string]: string } = {};
  for (const [name, value] of Object.entries(exported)) {
    const own = (value as { [mark: symbol]: string } | null)?.[Symbol.for(WORKFLOW_MARK)];
    // Under its own name too, if it has that.
    if (own !== undefined && names[own] !== own) names[own] = name;
  }
  for (const own of [WORKFLOW_PIPELINE, WORKFLOW_LOAD]) {
    if (names[own] !== undefined) continue;
    throw new TidemarkError(
      own in exported ? "NAME_TAKEN" : "WORKFLOWS_MISSING",
      own in exported
        ? `The worker's workflow code exports a workflow "${own}" of its own in place of Tidemark's. Rename it, or give ours ` +
            `another name: \`export { ${own} as tidemark_${own} } from "tidemark/workflows";\``
        : `The worker's workflow code does not export Tidemark's workflow "${own}": write ${HOW}.`,
    );
  }
  return names[WORKFLOW_LOAD]!;
}

/** What the bundle's workflows export, by running its code as the SDK does, but outside of any workflow. */
function exportsOf(code: string): { [name: string]: unknown } | undefined {
  const silent = Object.fromEntries(
    ["log", "info", "warn", "error", "debug", "trace"].map(level => [level, () => undefined]),
  );
  const context = createContext({
    ...{ AsyncLocalStorage, URL, URLSearchParams, TextEncoder, TextDecoder, AbortController },
    console: silent,
    __webpack_module_cache__: {},
  }) as { __TEMPORAL__?: { importWorkflows(): { [name: string]: unknown } } };
  try {
    new Script(code.replace(/\/\/# sourceMappingURL=.*\s*$/, "")).runInContext(context, { timeout: 5_000 });
    return context.__TEMPORAL__?.importWorkflows();
  } catch {
    return undefined;
  }
}
