/** Reading dlt's files and looking values up; dlt's own answers to many cases are in test/e2e/dlt-settings.test.ts. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { dltFolders } from "../../../src/dlt-project/folders";
import { envNames, lookUp, lookUpPath, sectionPaths } from "../../../src/dlt-project/look-up";
import { type DltSettings, readDltSettings } from "../../../src/dlt-project/settings-files";
import { settingValue } from "../../../src/dlt-project/values";
import { settingsWithoutEffect } from "../../../src/spec/dlt-settings";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-dlt-project-"));
  for (const name of ["project", "global", "mounted"]) mkdirSync(join(folder, name));
});
afterEach(() => rmSync(folder, { recursive: true }));

function read(files: { [path: string]: string } = {}, env = {}): DltSettings {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, ".."), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return readDltSettings(
    { settings: join(folder, "project"), global: join(folder, "global"), mounted: join(folder, "mounted") },
    env,
  );
}

test("paths get shorter from the right, the config's own section stays, the compact one comes third", () => {
  expect(sectionPaths(["sources", "rest_api", "api"], "credentials").map(path => path.join("."))).toEqual([
    "sources.rest_api.api.credentials",
    "sources.rest_api.credentials",
    "sources.api.credentials",
    "sources.credentials",
    "credentials",
  ]);
  expect(sectionPaths(["destination", "duckdb"])).toEqual([["destination", "duckdb"], ["destination"], []]);
});

test("the pipeline's section comes first in all names", () => {
  expect(envNames({ key: "a", sections: ["s"], pipeline: "p" })).toEqual(["P__S__A", "P__A", "S__A", "A"]);
});

test("a broken file is named with its place and without its text", () => {
  const reading = () => read({ "project/secrets.toml": 'ok = 1\ntoken = "hunter2\n' });
  expect(reading).toThrow(expect.objectContaining({ code: "SPEC_INVALID" }));
  expect(reading).toThrow(/secrets\.toml cannot be read as TOML, line 2/);
  expect(reading).not.toThrow(/hunter2/);
});

test("kinds of TOML become JSON's, large integers keep their digits", () => {
  const { config } = read({
    "project/config.toml":
      'big = 9007199254740993\nday = 2026-01-02\nat = 2026-01-02T03:04:05Z\nlist = [1, "b"]\n[__proto__]\nx = 1\n',
  });
  expect(config.big).toBe("9007199254740993");
  expect(config.day).toBe("2026-01-02");
  expect(config.at).toBe("2026-01-02T03:04:05.000Z");
  expect(config.list).toEqual([1, "b"]);
  expect(({} as { x?: number }).x).toBeUndefined();
});

test("inherited properties are no settings", () => {
  const settings = read({ "project/config.toml": "a = 1\n" });
  expect(lookUp(settings, { key: "constructor", sections: [] })).toBeUndefined();
  expect(lookUpPath(settings, "toString.name")).toBeUndefined();
});

test("mounted secrets, as a file and as a folder, come before variables", () => {
  const settings = read(
    {
      "mounted/sources-credentials-token": "from file\n",
      "mounted/sources-credentials-key/sources-credentials-key": "from folder",
    },
    { SOURCES__CREDENTIALS__TOKEN: "variable" },
  );
  const wanted = { sections: ["sources"], within: "credentials", secret: true };
  // dlt's names have two underscores, each of which becomes a dash.
  expect(lookUp(settings, { ...wanted, key: "token" })?.value).toBe("variable");
  writeFileSync(join(folder, "mounted", "sources--credentials--token"), "from file\n");
  expect(lookUp(settings, { ...wanted, key: "token" })).toEqual({
    value: "from file",
    from: "file",
    name: "sources.credentials.token",
  });
  expect(lookUp(settings, { ...wanted, key: "token", secret: false })?.value).toBe("variable");
  expect(lookUpPath(settings, "sources.credentials.token")).toBe("from file");
});

test("a dotted name is looked up exactly: environment, secrets.toml, config.toml", () => {
  const files = { "project/secrets.toml": "[a]\nb = 2\n", "project/config.toml": "[a]\nb = 3\nc = 4\n" };
  expect(lookUpPath(read(files, { A__B: "1" }), "a.b")).toBe("1");
  expect(lookUpPath(read(files), "a.b")).toBe(2);
  expect(lookUpPath(read(files), "a.c")).toBe(4);
  expect(lookUpPath(read(files), "x.a.b")).toBeUndefined();
});

test.each([
  ["integer", "12", 12],
  ["integer", 12, 12],
  ["boolean", "Yes", true],
  ["boolean", "0", false],
  ["list", '["a"]', ["a"]],
  ["object", '{"a": 1}', { a: 1 }],
  ["text", 5, "5"],
] as const)("%s from %p is %p", (kind, value, expected) => {
  expect(settingValue({ value: value as never, from: "env", name: "X" }, kind)).toEqual(expected);
});

test.each([
  ["integer", "hunter2"],
  ["boolean", "hunter2"],
  ["list", "hunter2"],
  ["object", '["hunter2"]'],
] as const)("%s from %p is refused without the value", (kind, value) => {
  const convert = () => settingValue({ value, from: "env", name: "X" }, kind);
  expect(convert).toThrow(expect.objectContaining({ code: "SPEC_INVALID" }));
  expect(convert).not.toThrow(/hunter2/);
});

test("folders by dlt's variables", () => {
  const user = { home: folder, root: false };
  expect(dltFolders("/w", {}, user).settings).toBe("/w/.dlt");
  expect(dltFolders("/w", { DLT_PROJECT_DIR: "p", DLT_CONFIG_FOLDER: ".c" }, user).settings).toBe("/w/p/.c");
  expect(dltFolders("/w", {}, user).global).toBe(join(folder, ".dlt"));
  expect(dltFolders("/w", { XDG_DATA_HOME: "/x" }, user).global).toBe("/x/dlt");
  mkdirSync(join(folder, ".dlt"));
  expect(dltFolders("/w", { XDG_DATA_HOME: "/x" }, user).global).toBe(join(folder, ".dlt"));
  expect(dltFolders("/w", {}, { home: folder, root: true }).global).toBe("/var/dlt");
});

test("settings without effect are told by name, from all places", () => {
  const settings = read(
    {
      "project/config.toml":
        "[extract]\nnext_item_mode = 'fifo'\n[shop.load]\nworkers = 3\n[other.load]\nx = 1\n",
    },
    { NORMALIZE__DATA_WRITER__BUFFER_MAX_ITEMS: "1", SHOP__EXTRACT__WORKERS: "2", LOADED: "x" },
  );
  expect(settingsWithoutEffect("shop", settings)).toEqual([
    "extract.next_item_mode",
    "extract.workers",
    "load.workers",
    "normalize.data_writer.buffer_max_items",
  ]);
});
