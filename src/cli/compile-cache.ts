/**
 * Compiled code of the modules that a command loads, kept between commands: V8 then need not parse and compile a thousand
 * files again. Node does this itself from 22.1 on. For the process of our own command line only.
 *
 * One file per command, as commands load different modules. What changed is noticed by its content; a file that is damaged
 * or of another Node is not read, and where none can be written nothing is kept.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";

import NodeModule = require("node:module");

import { dirname, join, sep } from "node:path";
import { Script } from "node:vm";

interface Entry {
  /** Of the source, hexadecimal. */
  hash: string;
  code: Buffer;
}

/** Above this many modules a file is begun anew: most of what stands in it is gone for good. */
const MOST_ENTRIES = 4_000;
/** The hash of the rest, hexadecimal. */
const HEAD_BYTES = 40;

/** How Node makes exports of a module's text; without types there. */
interface Internals {
  prototype: { _compile(content: string, file: string, ...more: unknown[]): unknown };
  _resolveFilename(request: string, module: NodeModule, isMain: boolean, options?: object): string;
  _extensions: NodeJS.RequireExtensions;
  wrap(content: string): string;
}
const node = NodeModule as unknown as Internals & { enableCompileCache?: (folder: string) => unknown };

/**
 * @param folder where the files are kept
 * @param command whose modules these are, a word
 * @param env NODE_DISABLE_COMPILE_CACHE is Node's own variable against it
 */
export function keepCompiledCode(
  folder: string,
  command: string,
  env: { [name: string]: string | undefined },
): void {
  if (env.NODE_DISABLE_COMPILE_CACHE) return;
  if (node.enableCompileCache !== undefined) {
    node.enableCompileCache(folder);
    return;
  }
  const word = /^[a-z][a-z-]*$/.test(command) ? command : "tidemark";
  const { version, arch } = process;
  const file = join(folder, `${word}-${digest([version, arch, __dirname].join(" ")).slice(0, 12)}.bin`);
  const known = readEntries(file);
  const fresh = new Map<string, { hash: string; script: Script }>();
  compileBy(known, fresh);
  process.once("exit", () => {
    if (fresh.size > 0) writeEntries(file, known, fresh);
  });
}

function compileBy(known: Map<string, Entry>, fresh: Map<string, { hash: string; script: Script }>): void {
  const packageFolder = join(__dirname, "..", "..") + sep;
  const before = node.wrap("").length - "\n});".length;
  const asBefore = node.prototype._compile;
  node.prototype._compile = function (this: NodeModule, content, path, ...more) {
    // What is the user's is compiled by Node, and so is an import(): a script made here does not know its loader.
    const ours = path.startsWith(packageFolder) || path.includes(`${sep}node_modules${sep}`);
    if (!ours || content.startsWith("#!") || /\bimport\s*\(/.test(content)) {
      return asBefore.call(this, content, path, ...more);
    }
    const hash = digest(content);
    const entry = known.get(path);
    const script = new Script(node.wrap(content), {
      filename: path,
      // Columns of a first line are those of the file.
      columnOffset: -before,
      ...(entry?.hash === hash ? { cachedData: entry.code } : {}),
    });
    if (entry?.hash !== hash || script.cachedDataRejected) fresh.set(path, { hash, script });
    const run = script.runInThisContext();
    return run.call(this.exports, this.exports, requireOf(this), this, path, dirname(path));
  };
}

/** What a module's code calls `require`. */
function requireOf(module: NodeModule): NodeJS.Require {
  const { main, cache } = require;
  const resolve = (request: string, options?: object) =>
    node._resolveFilename(request, module, false, options);
  const paths = (request: string) => NodeModule.createRequire(module.filename).resolve.paths(request);
  return Object.assign((id: string) => module.require(id), {
    resolve: Object.assign(resolve, { paths }),
    main,
    cache,
    extensions: node._extensions,
  });
}

function readEntries(file: string): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  try {
    const bytes = readFileSync(file);
    const body = bytes.subarray(HEAD_BYTES);
    // V8 does not look whether what it is given was damaged.
    if (bytes.toString("latin1", 0, HEAD_BYTES) !== digest(body)) return entries;
    const indexEnd = 4 + body.readUInt32LE(0);
    let at = indexEnd;
    for (const [path, hash, length] of JSON.parse(body.toString("utf8", 4, indexEnd))) {
      entries.set(path, { hash, code: body.subarray(at, at + length) });
      at += length;
    }
  } catch {
    // Not there yet.
  }
  return entries;
}

/** Functions that were called are compiled by now, and kept with the rest. */
function writeEntries(
  file: string,
  known: Map<string, Entry>,
  fresh: Map<string, { hash: string; script: Script }>,
): void {
  const entries = new Map(known.size > MOST_ENTRIES ? [] : known);
  try {
    for (const [path, { hash, script }] of fresh)
      entries.set(path, { hash, code: script.createCachedData() });
    const index = Buffer.from(
      JSON.stringify([...entries].map(([path, { hash, code }]) => [path, hash, code.length])),
    );
    const size = Buffer.alloc(4);
    size.writeUInt32LE(index.length);
    const body = Buffer.concat([size, index, ...[...entries.values()].map(({ code }) => code)]);
    mkdirSync(dirname(file), { recursive: true });
    const part = `${file}.${process.pid}`;
    writeFileSync(part, Buffer.concat([Buffer.from(digest(body), "latin1"), body]));
    renameSync(part, file);
  } catch {
    // A folder that cannot be written: the next command compiles again.
  }
}

function digest(content: string | Buffer): string {
  return createHash("sha1").update(content).digest("hex");
}
