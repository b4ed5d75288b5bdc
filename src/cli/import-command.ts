/** `tidemark import`: pipeline specs from a folder of dlt programs. */
import { existsSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { Config } from "../config";
import { dltFolders } from "../dlt-project/folders";
import { type NotTaken, readProject } from "../dlt-project/read-project";
import { readDltSettings } from "../dlt-project/settings-files";
import { toSpecs } from "../dlt-project/to-specs";
import { TidemarkError } from "../pipeline/errors";
import { checkSpec, formatPath } from "../spec/check-spec";
import { printSpec, withNamedSecrets } from "../spec/print-spec";
import { toolPaths } from "../tools";

export interface ImportOptions {
  /** Where specs go; default: the project's pipelines folder. */
  output?: string;
  force?: boolean;
  json?: boolean;
}

interface Written {
  file: string;
  pipeline: string;
  from: string;
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
  const settings = readDltSettings(
    { ...config.dlt, settings: dltFolders(project, {}, { home: "", root: false }).settings },
    config.env,
  );
  const { specs, problems } = toSpecs(found, settings, { folder: project, cwd: config.cwd });
  if (specs.length === 0) {
    throw new TidemarkError(
      "SPEC_NOT_FOUND",
      `No pipeline of ${project} could be taken over.\n${problems.map(line).join("\n")}`.trim(),
    );
  }
  const written: Written[] = [];
  mkdirSync(output, { recursive: true });
  for (const spec of specs) {
    const { document, named } = withNamedSecrets(spec.document);
    const place = { file: spec.file, line: spec.line };
    for (const { pointer, name } of named) {
      const what = `a secret in the code, at source${pointer}: put it into .dlt/secrets.toml as ${name}, or set ${name.replaceAll(".", "__").toUpperCase()}`;
      problems.push({ ...place, what });
    }
    for (const problem of checkSpec(document)) {
      problems.push({ ...place, what: `${formatPath(problem.path)}: ${problem.message}` });
    }
    const file = join(output, `${spec.name}.yaml`);
    if (existsSync(file) && !options.force) {
      throw new TidemarkError("SPEC_INVALID", `${file} exists; --force writes over it.`);
    }
    const from = `${join(folder, spec.file)}:${spec.line}`;
    writeFileSync(file, printSpec(document, [`Taken over from ${from} by \`tidemark import\`.`]));
    written.push({ file: relative(config.from, file), pipeline: String(document.pipeline_name), from });
  }
  if (options.json) {
    process.stdout.write(`${JSON.stringify({ written, not_taken: problems }, null, 2)}\n`);
    return;
  }
  for (const { file, pipeline, from } of written) {
    process.stdout.write(`wrote ${file}: pipeline ${pipeline}, from ${from}\n`);
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

const line = ({ file, line, what }: NotTaken) => `  ${file}:${line}: ${what}`;
