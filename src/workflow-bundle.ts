/**
 * The workflows' bundle, built once per version of their code and kept in the cache folder: building costs about two
 * seconds and 150 MB of memory at each worker start otherwise (measured), so it runs in a process of its own.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";

const SOURCE = __dirname;

/** Path of the bundle for the code as it is now. */
export async function workflowBundle(cacheDir: string): Promise<string> {
  const file = join(cacheDir, "bundles", `workflows-${codeHash()}.js`);
  if (existsSync(file)) return file;
  mkdirSync(dirname(file), { recursive: true });
  await promisify(execFile)(process.execPath, ["--import", "tsx", __filename, file], {
    cwd: dirname(SOURCE),
  });
  return file;
}

async function build(file: string): Promise<void> {
  const { bundleWorkflowCode } = await import("@temporalio/worker");
  const { code } = await bundleWorkflowCode({
    workflowsPath: join(SOURCE, "workflows", "index.ts"),
    payloadConverterPath: join(SOURCE, "workflows", "payload-converter.ts"),
  });
  const part = `${file}.${process.pid}`;
  writeFileSync(part, code);
  renameSync(part, file);
}

/** Hash of everything that can be in the bundle: the workflows, the words they import, how it is built, the SDK's version. */
function codeHash(): string {
  const hash = createHash("sha256");
  for (const folder of ["workflows", "pipeline"]) {
    for (const name of readdirSync(join(SOURCE, folder)).sort()) {
      hash.update(name).update(readFileSync(join(SOURCE, folder, name)));
    }
  }
  hash.update(readFileSync(__filename));
  return hash.update(require("@temporalio/workflow/package.json").version).digest("hex").slice(0, 16);
}

if (require.main === module) {
  build(process.argv[2]!).catch(error => {
    console.error(error);
    process.exit(1);
  });
}
