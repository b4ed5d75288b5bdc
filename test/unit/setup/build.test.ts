/** dist/ from src/: by content, once for many who ask, and never half. */
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "../../support/project";

let root: string;
const build = () => node([join(root, "setup", "build.cjs")]);
const write = (path: string, text: string) => writeFileSync(join(root, path), text);

/** A bare Node: jest's own loaders stay out of it. */
function node(args: string[]): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, args);
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", data => (said += data));
  return new Promise(done => child.once("close", code => done({ code, said })));
}

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "tidemark-build-"));
  for (const folder of ["src/words", "setup"]) mkdirSync(join(root, folder), { recursive: true });
  symlinkSync(join(REPOSITORY, "node_modules"), join(root, "node_modules"));
  for (const file of [
    "package.json",
    "tsconfig.json",
    "tsconfig.build.json",
    "setup/build.cjs",
    "setup/lock.mjs",
  ]) {
    cpSync(join(REPOSITORY, file), join(root, file));
  }
  write("src/words/names.ts", "export const name: string = 'one';\n");
  write("src/words/read.py", "print(1)\n");
  write(
    "src/workflow-bundle.ts",
    "import { name } from './words/names';\nif (name === '') process.exit(1);\n",
  );
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

test("code, types, source maps and what is no TypeScript; by content; whole or not at all", async () => {
  const both = await Promise.all([build(), build()]);
  expect(both.map(({ code }) => code)).toEqual([0, 0]);
  expect(both.filter(({ said }) => said.includes("Build: dist/"))).toHaveLength(1);
  expect(readdirSync(join(root, "dist", "words")).sort()).toEqual([
    "names.d.ts",
    "names.js",
    "names.js.map",
    "read.py",
  ]);
  expect(JSON.parse(readFileSync(join(root, "dist/words/names.js.map"), "utf8")).sourcesContent).toHaveLength(
    1,
  );
  expect(require(join(root, "dist/words/names.js")).name).toBe("one");

  // A checkout that was copied or touched is not built again.
  utimesSync(join(root, "src/words/names.ts"), 1, 1);
  expect((await build()).said).toBe("Build: ready\n");

  write("src/words/names.ts", "export const name: string = ;\n");
  expect(await build()).toMatchObject({ code: 1, said: expect.stringMatching(/names\.ts/) });
  expect(existsSync(join(root, "dist/words/names.js"))).toBe(true);
  expect(readdirSync(root).filter(name => name.startsWith("dist"))).toEqual(["dist"]);

  rmSync(join(root, "src/words/read.py"));
  write("src/words/names.ts", "export const name: string = 'two';\n");
  expect((await build()).code).toBe(0);
  expect(readFileSync(join(root, "dist/words/names.js"), "utf8")).toContain("two");
  expect(existsSync(join(root, "dist/words/read.py"))).toBe(false);
});
