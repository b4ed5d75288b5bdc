/**
 * The workflows' bundle, built once per version of their code: building costs about two seconds and 150 MB of memory at
 * each worker start otherwise (measured), so it runs in a process of its own. A build of the package brings it along;
 * with another version of the SDK, and for sources that nobody built, it is made in the cache folder.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from "node:fs";
import { dirname, extname, join, relative } from "node:path";
import { promisify } from "node:util";

const CODE = __dirname;
/** `.js` in the package, `.ts` where the sources run as they are. */
const EXTENSION = extname(__filename);

/** The workflows' code, for a bundler. */
export function ownWorkflowsPath(): string {
  return join(CODE, "workflows", `index${EXTENSION}`);
}

/** Path of the bundle for the code as it is now. */
export async function workflowBundle(cacheDir: string): Promise<string> {
  const places = [besideTheCode(), join(cacheDir, "bundles", `workflows-${codeHash()}.js`)] as const;
  const found = places.find(file => existsSync(file));
  if (found !== undefined) return found;
  const [, file] = places;
  const loader = EXTENSION === ".ts" ? ["--import", "tsx"] : [];
  await promisify(execFile)(process.execPath, [...loader, __filename, file], { cwd: dirname(CODE) });
  return file;
}

async function build(file: string): Promise<void> {
  const { bundleWorkflowCode } = await import("@temporalio/worker");
  const { code } = await bundleWorkflowCode({
    workflowsPath: ownWorkflowsPath(),
    payloadConverterPath: join(CODE, "workflows", `payload-converter${EXTENSION}`),
  });
  mkdirSync(dirname(file), { recursive: true });
  const part = `${file}.${process.pid}`;
  writeFileSync(part, code);
  renameSync(part, file);
}

function besideTheCode(): string {
  return join(CODE, "bundles", `workflows-${codeHash()}.js`);
}

/** Hash of everything that can be in the bundle: the workflows, the words they import, how it is built, the SDK's version. */
function codeHash(): string {
  const hash = createHash("sha256");
  for (const folder of ["workflows", "pipeline"]) {
    for (const name of readdirSync(join(CODE, folder)).sort()) {
      if (extname(name) === EXTENSION) hash.update(name).update(readFileSync(join(CODE, folder, name)));
    }
  }
  hash.update(readFileSync(__filename));
  return hash.update(require("@temporalio/workflow/package.json").version).digest("hex").slice(0, 16);
}

/** @param before an earlier build, whose bundle is taken when its workflows were the same */
async function buildBeside(before: string): Promise<void> {
  const file = besideTheCode();
  const made = join(before, relative(CODE, file));
  if (!existsSync(made)) return await build(file);
  mkdirSync(dirname(file), { recursive: true });
  copyFileSync(made, file);
}

if (require.main === module) {
  const [, , where = "", before = ""] = process.argv;
  (where === "--beside" ? buildBeside(before) : build(where)).catch(error => {
    console.error(error);
    process.exit(1);
  });
}
