/**
 * Modules of the user's project: JavaScript by Node itself; TypeScript by tsx where the project has it, else by Node's own
 * type stripping (22.18 and newer). Synchronous, as a spec is read synchronously.
 */
import { createRequire } from "node:module";
import { TidemarkError } from "./pipeline/errors";

export interface ProjectModule {
  [name: string]: unknown;
}

interface Tsx {
  register(options: { namespace: string }): { require(file: string, from: string): ProjectModule };
}

let byTsx: { require(file: string, from: string): ProjectModule } | undefined;

/**
 * @param file absolute
 * @throws TidemarkError TYPESCRIPT_UNREADABLE; what the module throws while it is loaded
 */
export function requireModule(file: string): ProjectModule {
  if (!/\.[cm]?ts$/.test(file)) return require(file);
  // Once registered, its own hook makes it look as if every `require` could.
  if (byTsx === undefined && readsTypeScript()) return require(file);
  const tsx = byTsx ?? registerTsx(file);
  if (tsx !== undefined) return tsx.require(file, __filename);
  if ((process.features as { typescript?: unknown }).typescript) return require(file);
  throw new TidemarkError(
    "TYPESCRIPT_UNREADABLE",
    `${file} is TypeScript, which Node ${process.versions.node} does not read by itself. Install tsx in the project ` +
      "(`npm install --save-dev tsx`), or use Node 22.18 or newer, or a .js, .yaml or .json file.",
  );
}

/** A loader is at work already (tsx, ts-node, swc), or this is a test runner's `require`, which has no `.js` of Node's. */
function readsTypeScript(): boolean {
  const { extensions } = require;
  return extensions[".ts"] !== undefined || extensions[".js"] === undefined;
}

/** In a namespace of its own: other `require`s of the process stay as they are. */
function registerTsx(file: string): typeof byTsx {
  for (const from of [file, __filename]) {
    try {
      const tsx = createRequire(from)("tsx/cjs/api") as Tsx;
      byTsx = tsx.register({ namespace: "tidemark" });
      return byTsx;
    } catch (error) {
      if ((error as { code?: string }).code !== "MODULE_NOT_FOUND") throw error;
    }
  }
  return undefined;
}
