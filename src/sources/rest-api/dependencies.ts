/** Which resource needs which, and the order they are built in. */
import { nearestName } from "../../pipeline/nearest-name";
import type { SpecProblem } from "../source";

export interface Dependent {
  name: string;
  /** Where the resource stands in the spec. */
  at: (string | number)[];
  parents: string[];
}

/**
 * Parents before children, level by level in the order of the spec (dlt: `graphlib.TopologicalSorter.static_order`).
 * Missing parents, several parents and cycles become problems; their resources are left out.
 */
export function orderByParents(
  resources: readonly Dependent[],
  known: readonly string[],
  problems: SpecProblem[],
): string[] {
  const parentOf = new Map<string, string | undefined>();
  for (const { name, at, parents } of resources) {
    const [parent] = parents;
    if (parents.length > 1) {
      problems.push({
        path: at,
        message: `depends on more than one resource (${parents.join(", ")}); only one parent is possible`,
      });
    } else if (parent !== undefined && !known.includes(parent)) {
      const near = nearestName(
        parent,
        known.filter(one => one !== name),
      );
      const hint = near ? `; did you mean "${near}"?` : `; there are: ${known.join(", ")}`;
      problems.push({
        path: at,
        message: `depends on the resource "${parent}", which does not exist${hint}`,
      });
    }
    if (!parentOf.has(name)) parentOf.set(name, parent);
  }
  reportCycles(resources, parentOf, problems);

  // graphlib lists a node when it is first seen: as itself, or as somebody's parent.
  const nodes = new Set<string>();
  for (const { name, parents } of resources) {
    nodes.add(name);
    if (parents[0] !== undefined) nodes.add(parents[0]);
  }
  const order: string[] = [];
  let level = [...nodes].filter(name => parentOf.get(name) === undefined);
  while (level.length > 0) {
    order.push(...level);
    level = level.flatMap(parent => resources.filter(one => one.parents[0] === parent).map(one => one.name));
  }
  return order;
}

function reportCycles(
  resources: readonly Dependent[],
  parentOf: ReadonlyMap<string, string | undefined>,
  problems: SpecProblem[],
): void {
  const reported = new Set<string>();
  for (const { name, at } of resources) {
    const way: string[] = [];
    let one: string | undefined = name;
    while (one !== undefined && !way.includes(one)) {
      way.push(one);
      one = parentOf.get(one);
    }
    if (one === undefined || one !== name || reported.has(name)) continue;
    for (const member of way) reported.add(member);
    problems.push({ path: at, message: `depends on itself: ${[...way, name].join(" -> ")}` });
  }
}
