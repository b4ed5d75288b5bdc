/** Compiled code kept between commands: there, damaged, or with no place to be kept, the command says the same. */
import { execFile } from "node:child_process";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { version } from "../../../package.json";
import { REPOSITORY } from "../../support/project";

async function says(cache: string, more: NodeJS.ProcessEnv = {}): Promise<string> {
  const args = [join(REPOSITORY, "bin", "tidemark"), "--version"];
  const env = { ...process.env, TIDEMARK_CACHE: cache, NODE_OPTIONS: "", ...more };
  return (await promisify(execFile)(process.execPath, args, { env })).stdout.trim();
}

const kept = (cache: string) =>
  readdirSync(cache, { recursive: true, encoding: "utf8" })
    .map(name => join(cache, name))
    .filter(path => statSync(path).isFile());

test("kept, used again, begun anew when damaged; not kept where it is not wanted or cannot be", async () => {
  const cache = mkdtempSync(join(process.env.TIDEMARK_TEST_TMP!, "compiled-"));
  expect(await says(cache, { NODE_DISABLE_COMPILE_CACHE: "1" })).toBe(version);
  expect(kept(cache)).toEqual([]);
  expect(await says(cache)).toBe(version);
  const [file] = kept(cache);
  const before = readFileSync(file!);
  const { mtimeMs } = statSync(file!);
  expect(await says(cache)).toBe(version);
  expect(statSync(file!).mtimeMs).toBe(mtimeMs);
  // In the middle of compiled code, which V8 itself takes as it comes.
  writeFileSync(file!, Buffer.from(before).fill(0xa5, before.length / 2, before.length / 2 + 400));
  expect(await says(cache)).toBe(version);
  expect(statSync(file!).mtimeMs).toBeGreaterThan(mtimeMs);
  const shut = mkdtempSync(join(cache, "shut-"));
  chmodSync(shut, 0o500);
  expect(await says(join(shut, "below"))).toBe(version);
  expect(await says("/dev/null/nowhere")).toBe(version);
}, 60_000);
