/** `tidemark import`: pipeline specs from a folder of dlt programs. */
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { Config } from "../config";
import { dltFolders } from "../dlt-project/folders";
import { type NotTaken, readProject } from "../dlt-project/read-project";
import { readDltSettings } from "../dlt-project/settings-files";
import { type MadeSpec, type ProgramHome, placeholder, toSpecs } from "../dlt-project/to-specs";
import { TidemarkError } from "../pipeline/errors";
import type { JsonObject } from "../pipeline/spec";
import { checkSpec, formatPath } from "../spec/check-spec";
import { printSpec, withNamedSecrets } from "../spec/print-spec";
import { toolPaths } from "../tools";

export interface ImportOptions {
  /** Where specs go; default: the project's pipelines folder. */
  output?: string;
  force?: boolean;
  json?: boolean;
  /** No specs of type dlt: what was not understood becomes a placeholder that the check refuses. */
  nativeOnly?: boolean;
}

interface Written {
  file: string;
  pipeline: string;
  from: string;
  /** "native", or "dlt": the project's Python extracts. */
  how: "native" | "dlt" | "placeholder";
}

/** @throws TidemarkError SPEC_NOT_FOUND for a folder that is not there or holds no pipeline, SPEC_INVALID */
export async function importCommand(config: Config, folder: string, options: ImportOptions): Promise<void> {
  const project = resolve(config.from, folder);
  if (!existsSync(project) || !statSync(project).isDirectory()) {
    throw new TidemarkError("SPEC_NOT_FOUND", `There is no folder ${project}.`);
  }
  const output = options.output === undefined ? config.pipelinesDir : resolve(config.from, options.output);
  const { dbtPython, parityPython } = toolPaths(config.env);
  const found = await readProject(project, dbtPython ?? parityPython ?? "python3", config.env.PATH);
  const { specs, problems } = toSpecs(found, programHome(project, config), {
    folder: project,
    cwd: config.cwd,
  });
  if (specs.length === 0) {
    throw new TidemarkError(
      "SPEC_NOT_FOUND",
      `No pipeline of ${project} could be taken over.\n${problems.map(line).join("\n")}`.trim(),
    );
  }
  const written: Written[] = [];
  const byPython: NotTaken[] = [];
  mkdirSync(output, { recursive: true });
  for (const spec of specs) {
    const { document, how, reasons } = decided(spec, options.nativeOnly === true);
    byPython.push(...reasons);
    const file = join(output, `${spec.name}.yaml`);
    if (existsSync(file) && !options.force) {
      throw new TidemarkError("SPEC_INVALID", `${file} exists; --force writes over it.`);
    }
    const from = `${join(folder, spec.file)}:${spec.line}`;
    const why = reasons.map(one => `${one.file}:${one.line}: ${one.what}`);
    const comment = [`Taken over from ${from} by \`tidemark import\`.`];
    if (why.length > 0) comment.push("Not native, because of:", ...why.map(text => `  ${text}`));
    writeFileSync(file, printSpec(document, comment));
    written.push({ file: relative(config.from, file), pipeline: String(document.pipeline_name), from, how });
    // A destination or dataset that is not known, or not supported.
    for (const problem of how === "placeholder" ? [] : checkSpec(document)) {
      problems.push({
        file: spec.file,
        line: spec.line,
        what: `${formatPath(problem.path)}: ${problem.message}`,
      });
    }
  }
  if (options.json) {
    process.stdout.write(
      `${JSON.stringify({ written, by_python: byPython, not_taken: problems }, null, 2)}\n`,
    );
    return;
  }
  for (const { file, pipeline, from, how } of written) {
    process.stdout.write(`wrote ${file}: pipeline ${pipeline}, from ${from}${HOW[how]}\n`);
  }
  if (byPython.length > 0) {
    process.stdout.write(
      `\nWhat stands in the way of native specs, which are faster and resume by pages (${byPython.length}):\n${byPython.map(line).join("\n")}\n`,
    );
  }
  if (problems.length > 0) {
    process.stdout.write(`\nNot taken (${problems.length}):\n${problems.map(line).join("\n")}\n`);
  }
  if (project !== config.cwd && existsSync(join(project, ".dlt"))) {
    process.stdout.write(
      `\nSettings and secrets are read from the .dlt/ of the folder that runs: copy ${join(folder, ".dlt")} here, or set DLT_PROJECT_DIR.\n`,
    );
  }
}

const HOW = {
  native: "",
  dlt: ", extracted by its own Python (type: dlt)",
  placeholder: ", not understood: the check refuses it until it is completed",
};

/** A native spec that is not valid, or would need a secret moved out of the code, is left to Python too. */
function decided(
  spec: MadeSpec,
  nativeOnly: boolean,
): { document: JsonObject; how: Written["how"]; reasons: NotTaken[] } {
  const { file, line } = spec;
  const reasons = [...spec.reasons];
  if (spec.native) {
    for (const { pointer } of withNamedSecrets(spec.document).named) {
      reasons.push({
        file,
        line,
        what: `a secret in the code, at source${pointer}: put it into .dlt/secrets.toml`,
      });
    }
    for (const { path, message } of checkSpec(spec.document)) {
      if (path[0] !== "destination") reasons.push({ file, line, what: `${formatPath(path)}: ${message}` });
    }
    if (reasons.length === 0) return { document: spec.document, how: "native", reasons };
  }
  if (nativeOnly) return { document: placeholder({ ...spec, reasons }), how: "placeholder", reasons };
  return { document: spec.byPython, how: "dlt", reasons };
}

/** dlt reads the `.dlt` of the folder where a program is started: the nearest one, upwards from the program. */
export function programHome(project: string, config: Config): (file: string) => ProgramHome {
  return file => {
    const own = dirname(join(project, file));
    let folder = own;
    while (!existsSync(join(folder, ".dlt")) && folder !== project) folder = dirname(folder);
    if (!existsSync(join(folder, ".dlt"))) folder = own;
    const { settings } = dltFolders(folder, {}, { home: "", root: false });
    return { folder, settings: readDltSettings({ ...config.dlt, settings }, config.env) };
  };
}

const line = ({ file, line, what }: NotTaken) => `  ${file}:${line}: ${what}`;
