/**
 * Which Python extracts: the one the spec names, the project's own virtual environment, or one made from what the project
 * says it needs, kept in the cache folder under a hash of that.
 */
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { link, mkdir, rm, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { TidemarkError } from "../../pipeline/errors";

export interface PythonSettings {
  /** Absolute. */
  project_dir: string;
  python?: string;
  requirements?: string;
}

export interface FindOptions {
  env: { readonly [name: string]: string | undefined };
  /** Where a Python that is made here is kept; undefined: none can be made. */
  cache?: string;
  signal: AbortSignal;
  onWait: (what: string) => void;
}

const OWN_ENVIRONMENTS = [".venv", "venv"];
const REQUIREMENTS = ["requirements.txt", "pyproject.toml"];
/** dlt comes with what the project asks for; where it does not, the sources in it need it all the same. */
const LAST_LINES = 12;

/** @returns the program. @throws TidemarkError PYTHON_MISSING, PYTHON_REQUIREMENTS */
export async function findPython(settings: PythonSettings, options: FindOptions): Promise<string> {
  const { project_dir: project, python } = settings;
  if (!existsSync(project)) {
    throw new TidemarkError("SPEC_INVALID", `source.project_dir: there is no folder ${project}.`);
  }
  if (python !== undefined) {
    if (!python.includes("/")) return python;
    const path = resolve(project, python);
    if (existsSync(path)) return path;
    throw missing(`source.python names ${path}, which is not there`);
  }
  const folders = OWN_ENVIRONMENTS.map(name => join(project, name));
  const active = options.env.VIRTUAL_ENV;
  if (active !== undefined && active !== "") folders.push(active);
  const own = folders.map(folder => join(folder, "bin", "python")).find(existsSync);
  if (own !== undefined) return own;
  const needs = requirementsOf(settings);
  if (needs === undefined || options.cache === undefined) {
    throw missing(
      `project ${project} has neither a virtual environment (.venv) nor a requirements.txt or pyproject.toml to make one from`,
    );
  }
  return await madePython(needs, options.cache, options);
}

function missing(why: string): TidemarkError {
  return new TidemarkError(
    "PYTHON_MISSING",
    `No Python for the dlt source: ${why}. Make one beside the project, python3 -m venv .venv && .venv/bin/pip install -r requirements.txt, or name one by source.python.`,
    { step: "extract" },
  );
}

function requirementsOf({ project_dir, requirements }: PythonSettings): string | undefined {
  if (requirements === undefined) return REQUIREMENTS.map(name => join(project_dir, name)).find(existsSync);
  const path = resolve(project_dir, requirements);
  if (existsSync(path)) return path;
  throw missing(`source.requirements names ${path}, which is not there`);
}

/** Two that make the same one at the same time each make their own; the first to finish is kept. */
async function madePython(needs: string, cache: string, options: FindOptions): Promise<string> {
  const text = readFileSync(needs);
  const version = (await run("python3", ["--version"], options)).trim();
  const hash = createHash("sha256")
    .update(version)
    .update(basename(needs))
    .update(text)
    .digest("hex")
    .slice(0, 12);
  const folder = join(cache, `dlt-${hash}`);
  const kept = join(folder, "python-path");
  const found = keptPython(kept);
  if (found !== undefined) return found;
  const venv = join(folder, randomUUID().slice(0, 8));
  await mkdir(folder, { recursive: true });
  const python = join(venv, "bin", "python");
  options.onWait(`installing what ${basename(needs)} of the project asks for`);
  try {
    await run("python3", ["-m", "venv", venv], options);
    await run(
      python,
      ["-m", "pip", "install", "--quiet", ...(await pipArguments(python, needs, options))],
      options,
    );
    const mine = `${kept}.${randomUUID().slice(0, 8)}`;
    await writeFile(mine, python);
    await link(mine, kept).catch(() => {});
    await rm(mine, { force: true });
  } catch (error) {
    await rm(venv, { recursive: true, force: true });
    throw error;
  }
  const first = keptPython(kept) ?? python;
  if (first !== python) await rm(venv, { recursive: true, force: true });
  return first;
}

function keptPython(file: string): string | undefined {
  if (!existsSync(file)) return undefined;
  const python = readFileSync(file, "utf8");
  return existsSync(python) ? python : undefined;
}

const DEPENDENCIES = `
import json, sys
try:
    import tomllib
except ImportError:
    from pip._vendor import tomli as tomllib
with open(sys.argv[1], "rb") as file:
    project = tomllib.load(file).get("project") or {}
print(json.dumps(project.get("dependencies") or []))
`;

async function pipArguments(python: string, needs: string, options: FindOptions): Promise<string[]> {
  if (!needs.endsWith(".toml")) return ["-r", needs];
  const listed = JSON.parse(await run(python, ["-c", DEPENDENCIES, needs], options)) as string[];
  if (listed.length > 0) return ["--", ...listed];
  throw missing(`${needs} lists nothing under [project] dependencies`);
}

/** Standard output. @throws TidemarkError PYTHON_MISSING, PYTHON_REQUIREMENTS; the signal's reason */
function run(file: string, args: string[], { env, signal }: FindOptions): Promise<string> {
  return new Promise((done, fail) => {
    execFile(
      file,
      args,
      { env: env as NodeJS.ProcessEnv, signal, maxBuffer: 16 * 1024 * 1024 },
      (error, stdout, stderr) => {
        if (error === null) done(stdout);
        else if (signal.aborted) fail(signal.reason);
        else if ((error as NodeJS.ErrnoException).code === "ENOENT")
          fail(missing(`there is no ${file} on the PATH`));
        else fail(notInstalled(`${stdout}\n${stderr}`));
      },
    );
  });
}

function notInstalled(said: string): TidemarkError {
  const lines = said.split("\n").filter(line => /^ERROR|error:/i.test(line));
  return new TidemarkError(
    "PYTHON_REQUIREMENTS",
    `What the dlt project needs could not be installed: ${withoutPasswords(lines.slice(-LAST_LINES).join(" ") || "pip said nothing")}`,
    { step: "extract" },
  );
}

/** Addresses of package indexes may hold a user and a password. */
function withoutPasswords(text: string): string {
  return text.replaceAll(/\/\/[^/@\s]+@/g, "//***@").slice(0, 2000);
}
