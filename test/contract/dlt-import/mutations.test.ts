/**
 * One thing of a program is dropped or changed, and dlt says what the program would load then. Two programs that would
 * not load the same never give the same native spec. A sixteenth of the mutants; all of them, or those of other programs:
 * TIDEMARK_MUTATIONS=1 npx jest test/contract/dlt-import/mutations; TIDEMARK_MUTATIONS=<folder of folders>.
 */
import { execFile } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { readProject } from "../../../src/dlt-project/read-project";
import { toSpecs } from "../../../src/dlt-project/to-specs";
import type { JsonObject } from "../../../src/pipeline/spec";
import { PYTHON } from "../../support/dlt-project";

jest.setTimeout(1_800_000);

interface Mutant {
  at: string;
  program: string;
  what: string;
  /** What dlt was handed, run by run. */
  runs: (JsonObject & { pipeline: string })[];
  /** The exception that ended the program. */
  failed?: string;
}

const chosen = process.env.TIDEMARK_MUTATIONS;
const PROGRAMS = chosen !== undefined && chosen !== "1" ? chosen : join(__dirname, "programs");
const SHARE = chosen === undefined ? "0.06" : "1";

test("programs that load something else never give the same native spec", async () => {
  const folder = mkdtempSync(join(process.env.TIDEMARK_TEST_TMP!, "mutants-"));
  const script = join(__dirname, "mutate_programs.py");
  const { stdout } = await promisify(execFile)(PYTHON, [script, PROGRAMS, folder, SHARE], {
    maxBuffer: 1 << 29,
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      DLT_DATA_DIR: join(folder, ".data"),
      RUNTIME__DLTHUB_TELEMETRY: "false",
    },
  });
  const mutants = stdout
    .trim()
    .split("\n")
    .map(line => JSON.parse(line) as Mutant);
  const found = await readProject(folder, PYTHON, process.env.PATH);
  const settings = { env: {}, secrets: {}, config: {}, mounted: "/none" };
  const specsOf = (at: string) => {
    const runs = found.runs.filter(({ file }) => file === join(at, "pipeline.py"));
    return toSpecs({ runs, problems: [] }, () => ({ folder, settings }), { folder, cwd: folder }).specs;
  };

  const single = new Set(
    mutants
      .filter(({ what, runs }) => what === "as it is" && new Set(runs.map(run => run.pipeline)).size === 1)
      .map(({ program }) => program),
  );
  const meanings = new Map<string, Map<string, string>>();
  let native = 0;
  for (const mutant of mutants) {
    for (const spec of specsOf(mutant.at)) {
      if (!spec.native) continue;
      native++;
      const { pipeline_name: name } = spec.document;
      const runs = mutant.runs.filter(({ pipeline }) => pipeline === name);
      // A function that the program does not call is taken over all the same, as it can be started by name; and of
      // several pipelines another one may be what ended the program.
      if (runs.length === 0 && !(mutant.failed !== undefined && single.has(mutant.program))) continue;
      const meaning = runs.length === 0 ? mutant.failed! : JSON.stringify(runs);
      const document = `${mutant.program} ${JSON.stringify(spec.document)}`;
      const all = meanings.get(document) ?? new Map<string, string>();
      meanings.set(document, all.set(meaning, all.get(meaning) ?? mutant.what));
    }
  }
  const silent = [...meanings].filter(([, all]) => all.size > 1);
  if (chosen !== undefined)
    process.stdout.write(
      `${mutants.length} programs, ${native} native specs, ${meanings.size} different ones\n`,
    );
  expect(silent.map(([document, all]) => [document.split(" ")[0], ...all.values()])).toEqual([]);
  expect(native).toBeGreaterThan(chosen === undefined ? 10 : 0);
});
