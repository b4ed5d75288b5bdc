/** The workflows through the real bundler, with no ignore list: what a worker would refuse is refused here. */
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { bundleWorkflowCode, DefaultLogger } from "@temporalio/worker";
import { SRC } from "./source-files";

const MEGABYTE = 1_000_000;
const MARK = "sourceMappingURL=data:application/json;charset=utf-8;base64,";

/** What @temporalio/workflow itself brings along. */
const SDK_NEEDS = ["nexus-rpc", "ms", "long"];

async function bundle(workflowsPath: string): Promise<{ bytes: number; modules: string[] }> {
  const said: string[] = [];
  const logger = new DefaultLogger("ERROR", entry => said.push(entry.message));
  const { code } = await bundleWorkflowCode({ workflowsPath, logger }).catch(error => {
    throw new Error(`${(error as Error).message}\n${said.join("\n")}`);
  });
  const at = code.lastIndexOf(MARK);
  const map = JSON.parse(Buffer.from(code.slice(at + MARK.length), "base64").toString("utf8")) as {
    sources: string[];
  };
  return { bytes: Buffer.byteLength(code.slice(0, at)), modules: map.sources };
}

/** Packages and Node's modules among the bundle's modules that have no business in a workflow. */
function strangers(modules: readonly string[]): string[] {
  const packages = modules
    .map(module_ => /node_modules\/((?:@[^/]+\/)?[^/]+)(?!.*node_modules)/.exec(module_)?.[1])
    .filter((name): name is string => name !== undefined && !name.startsWith("@temporalio/"));
  const builtins = modules.filter(module_ => module_.startsWith("node:") || isBuiltin(module_));
  return [...new Set([...packages, ...builtins])];
}

test("the workflows' bundle is small and holds the workflows, their words and the SDK only", async () => {
  const { bytes, modules } = await bundle(join(SRC, "workflows", "index.ts"));
  expect(bytes).toBeLessThan(MEGABYTE);
  const own = modules.filter(module_ => /\/src\/[^/]+\//.test(module_) && !module_.includes("node_modules"));
  expect(own.length).toBeGreaterThan(5);
  expect(own.filter(module_ => !/\/src\/(workflows|pipeline)\//.test(module_))).toEqual([]);
  expect(strangers(modules).filter(name => !SDK_NEEDS.includes(name))).toEqual([]);
});

test("zod in a workflow would be seen", async () => {
  const { modules } = await bundle(join(__dirname, "fixtures", "zod-workflow.ts"));
  expect(strangers(modules)).toContain("zod");
});

test("a module of Node in a workflow breaks the bundle", async () => {
  await expect(bundle(join(__dirname, "fixtures", "node-workflow.ts"))).rejects.toThrow("node:crypto");
});
