/** The code source's part of a spec: its keys, and the checks that need more than keys. */
import { z } from "zod";
import { unknownName } from "../../pipeline/nearest-name";
import type { SourceSpec } from "../../pipeline/spec";
import { hintsShape, incrementalShape, sourceShape } from "../resource-hints";
import { duplicateNames, shapeProblems } from "../shape-problems";
import type { SpecProblem } from "../source";

const filled = z.string().min(1, "must not be empty");

const resourceShape = z.strictObject({
  name: filled.describe("Name of the resource"),
  /** Export of the module; default: the resource's name. */
  generator: filled.nullish().describe("Export of the module; default: the resource's name"),
  ...hintsShape,
  incremental: incrementalShape
    .nullish()
    .describe("A cursor: the generator is given its range, and what is not newer is dropped"),
  args: z.record(z.string(), z.json()).nullish().describe("Given to the generator, as JSON"),
  parent: filled.nullish().describe("Resource whose rows the generator is given, one by one"),
  selected: z.boolean().nullish().describe("false: only loaded when it is asked for; default true"),
});

export const codeShape = z.strictObject({
  type: z.literal("code"),
  ...sourceShape,
  /** Path of the module: absolute once resolved. */
  module: filled.nullish().describe("Path of the module, from the spec's folder"),
  /** In place of a module: a source that the worker was given by this name. */
  source: filled.nullish().describe("In place of a module: a source that the worker was given by this name"),
  /** May be left out of a source by name, which then has those of its code. */
  resources: z
    .array(resourceShape)
    .min(1, "must name at least one resource")
    .nullish()
    .describe("Default, of a source by name: those of its code"),
});

export type CodeResourceSpec = z.infer<typeof resourceShape>;

/** Parents before children; names that form a circle, or wait for one, are left over. */
export function parentsFirst(resources: readonly CodeResourceSpec[]): {
  ordered: CodeResourceSpec[];
  circular: CodeResourceSpec[];
} {
  const ordered: CodeResourceSpec[] = [];
  let waiting = [...resources];
  for (;;) {
    const placed = new Set(ordered.map(resource => resource.name));
    const ready = waiting.filter(({ parent }) => !parent || placed.has(parent));
    if (ready.length === 0) return { ordered, circular: waiting };
    ordered.push(...ready);
    waiting = waiting.filter(resource => !ready.includes(resource));
  }
}

export function checkCode(source: SourceSpec): SpecProblem[] {
  const problems = shapeProblems(codeShape, source);
  if (problems.length > 0) return problems;
  const { module, source: name, resources: given } = codeShape.parse(source);
  if ((module == null) === (name == null)) {
    const message = "give either `module`, the path of one, or `source`, a name that the worker knows";
    return [{ path: ["module"], message }];
  }
  if (given == null && name == null) return [{ path: ["resources"], message: "is missing" }];
  const resources = given ?? [];
  const names = resources.map(resource => resource.name);
  problems.push(...duplicateNames(resources));
  resources.forEach(({ parent }, index) => {
    if (parent && !names.includes(parent)) {
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
