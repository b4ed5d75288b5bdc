/** `tidemark init`: the least that runs, from templates/. Nothing that is there is written over. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { TidemarkError } from "../pipeline/errors";
import { unknownName } from "../pipeline/nearest-name";

/** One row of templates/templates.json. */
interface Recipe {
  /** Folders of templates/, later ones over earlier ones. */
  folders: readonly string[];
  /** What the project begins with. */
  pipeline: string;
}

/** What npm and git leave in a folder before anything else is there. */
const MAY_BE_THERE = ["package.json", "package-lock.json", "node_modules", ".git", ".npmrc", ".DS_Store"];
const PACKAGE = join(__dirname, "..", "..");
const TEMPLATES = join(PACKAGE, "templates");

interface Manifest {
  name?: string;
  version?: string;
  scripts?: { [name: string]: string };
  dependencies?: { [name: string]: string };
  devDependencies?: { [name: string]: string };
  peerDependencies?: { [name: string]: string };
  [key: string]: unknown;
}

export interface WrittenProject {
  folder: string;
  files: string[];
  pipeline: string;
}

/**
 * @param folder absolute; made where it is not there
 * @throws TidemarkError TEMPLATE_UNKNOWN, FOLDER_NOT_EMPTY, PROJECT_UNUSABLE
 */
export function writeProject(folder: string, template: string): WrittenProject {
  const recipes = JSON.parse(readFileSync(join(TEMPLATES, "templates.json"), "utf8")) as {
    [name: string]: Recipe;
  };
  if (!Object.hasOwn(recipes, template)) {
    throw new TidemarkError(
      "TEMPLATE_UNKNOWN",
      `${unknownName("template", template, Object.keys(recipes))}.`,
    );
  }
  const { folders, pipeline } = recipes[template]!;
  const present = existsSync(folder) ? readdirSync(folder) : [];
  const inTheWay = present.filter(name => !MAY_BE_THERE.includes(name));
  if (inTheWay.length > 0) {
    throw new TidemarkError(
      "FOLDER_NOT_EMPTY",
      `${folder} is not empty (${inTheWay.slice(0, 5).join(", ")}${inTheWay.length > 5 ? ", …" : ""}): nothing was written. ` +
        "Name a new folder: `npx tidemark init my-project`.",
    );
  }
  const words = { name: packageName(folder), pipeline, template };
  const files = new Map<string, string>();
  for (const name of folders) {
    const from = join(TEMPLATES, name);
    for (const file of filesBelow(from)) {
      files.set(targetOf(relative(from, file)), filled(readFileSync(file, "utf8"), words));
    }
  }
  files.set("package.json", manifestOf(folder, words));
  try {
    for (const [name, text] of files) {
      const path = join(folder, name);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    }
  } catch (error) {
    throw new TidemarkError(
      "PROJECT_UNUSABLE",
      `The project's folder ${folder} cannot be written (${(error as { code?: string }).code}).`,
    );
  }
  return { folder, files: [...files.keys()].sort(), pipeline };
}

function manifestOf(folder: string, words: { name: string; pipeline: string }): string {
  const ours = JSON.parse(readFileSync(join(PACKAGE, "package.json"), "utf8")) as Manifest;
  const path = join(folder, "package.json");
  const given: Manifest = existsSync(path)
    ? (JSON.parse(readFileSync(path, "utf8")) as Manifest)
    : { name: words.name, version: "0.1.0", private: true };
  const sdk = Object.fromEntries(
    Object.entries(ours.peerDependencies ?? {}).filter(([name]) => name !== "@temporalio/testing"),
  );
  const pick = (names: string[]) =>
    Object.fromEntries(names.map(name => [name, ours.devDependencies?.[name] ?? "*"]));
  // What npm wrote as a stub says nothing.
  const { test: stub, ...scripts } = given.scripts ?? {};
  const told = stub === undefined || stub.includes("no test specified") ? {} : { test: stub };
  const manifest: Manifest = {
    ...given,
    scripts: {
      setup: "tidemark setup",
      start: `tidemark run ${words.pipeline}`,
      check: "tidemark check",
      worker: "tsx worker.ts",
      test: "node --import tsx --test test/*.test.ts",
      ...scripts,
      ...told,
    },
    dependencies: {
      ...sdk,
      tidemark: `^${ours.version}`,
      ...pick(["tsx"]),
      ...given.dependencies,
    },
    devDependencies: {
      "@temporalio/testing": ours.peerDependencies?.["@temporalio/testing"] ?? "*",
      ...pick(["@types/node", "typescript"]),
      ...given.devDependencies,
    },
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** npm packs no file of these names as it is. */
function targetOf(name: string): string {
  if (name === "gitignore") return ".gitignore";
  return name === "env.example" ? ".env.example" : name;
}

function filled(text: string, words: { [name: string]: string }): string {
  return text.replaceAll(/__(NAME|PIPELINE|TEMPLATE)__/g, (_, word: string) => words[word.toLowerCase()]!);
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder).flatMap(name => {
    const path = join(folder, name);
    return statSync(path).isDirectory() ? filesBelow(path) : [path];
  });
}

function packageName(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+/, "");
  return name === "" || name === "tidemark" ? "my-pipelines" : name;
}
