/** The code source's part of a spec: its keys, and the checks that need more than keys. */
import { unknownName } from "../../pipeline/nearest-name";
import type { Json, JsonObject, SourceSpec } from "../../pipeline/spec";
import { RESOURCE_HINTS } from "../hints";
import { duplicateNames, INCREMENTAL, SOURCE_KEYS } from "../resource-list";
import { any, bool, dict, filledText, list, shape } from "../shape";
import type { SpecProblem } from "../source";

/** One resource as written; its hints are read by `resolveHints`. */
export interface CodeResourceSpec extends JsonObject {
  name: string;
}

export interface CodeSourceSpec {
  name: string;
  /** Path of the module: absolute once resolved. */
  module: string;
  resources: CodeResourceSpec[];
}

const codeSpec = shape(
  {
    ...SOURCE_KEYS,
    module: filledText,
    resources: list(
      shape(
        {
          ...RESOURCE_HINTS,
          name: filledText,
          generator: filledText,
          incremental: INCREMENTAL,
          args: dict(any),
          parent: filledText,
          selected: bool,
        },
        ["name"],
      ),
    ),
  },
  ["module", "resources"],
);

/** Parents before children; names that form a circle, or wait for one, are left over. */
export function parentsFirst(resources: readonly CodeResourceSpec[]): {
  ordered: CodeResourceSpec[];
  circular: CodeResourceSpec[];
} {
  const ordered: CodeResourceSpec[] = [];
  let waiting = [...resources];
  for (;;) {
    const placed = new Set<Json>(ordered.map(resource => resource.name));
    const ready = waiting.filter(
      ({ parent }) => parent === undefined || parent === null || placed.has(parent),
    );
    if (ready.length === 0) return { ordered, circular: waiting };
    ordered.push(...ready);
    waiting = waiting.filter(resource => !ready.includes(resource));
  }
}

export function checkCode(source: SourceSpec): SpecProblem[] {
  const problems: SpecProblem[] = [];
  codeSpec(source as JsonObject, [], problems);
  if (problems.length > 0) return problems;
  const { resources } = source as unknown as CodeSourceSpec;
  if (resources.length === 0)
    problems.push({ path: ["resources"], message: "must name at least one resource" });
  const names = resources.map(resource => resource.name);
  problems.push(...duplicateNames(resources));
  resources.forEach(({ parent }, index) => {
    if (typeof parent === "string" && !names.includes(parent)) {
      problems.push({
        path: ["resources", index, "parent"],
        message: unknownName("resource", parent, names),
      });
    }
  });
  if (problems.length > 0) return problems;
  const { circular } = parentsFirst(resources);
  if (circular.length > 0) {
    const circle = circular.map(resource => `"${resource.name}"`).join(", ");
    problems.push({ path: ["resources"], message: `the parents of ${circle} form a circle` });
  }
  return problems;
}
