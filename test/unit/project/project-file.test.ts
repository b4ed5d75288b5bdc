/** A project's own file: where things are, told once; what is wrong in it is a sentence with a code. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { specArgument } from "../../../src/cli/spec-argument";
import { loadConfig } from "../../../src/config";
import { dataConverterOf } from "../../../src/data-converter";
import { findProjectFolder, readProjectFile } from "../../../src/project-file";

function project(files: { [name: string]: string }): string {
  const folder = mkdtempSync(join(process.env.TIDEMARK_TEST_TMP!, "project-file-"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  return folder;
}

const TS = `export default { pipelines: "elt/specs", dbt: "warehouse", home: "var", taskQueue: "shop", dataset: "landing" } as const;`;

test.each([
  ["tidemark.config.ts", TS],
  [
    "tidemark.config.json",
    JSON.stringify({
      pipelines: "elt/specs",
      dbt: "warehouse",
      home: "var",
      taskQueue: "shop",
      dataset: "landing",
    }),
  ],
  [
    "package.json",
    JSON.stringify({
      name: "x",
      tidemark: {
        pipelines: "elt/specs",
        dbt: "warehouse",
        home: "var",
        taskQueue: "shop",
        dataset: "landing",
      },
    }),
  ],
])("%s says where things are; the environment wins", (name, text) => {
  const folder = project({ [name]: text });
  const env: { [name: string]: string | undefined } = { TIDEMARK_HOME: "elsewhere" };
  expect(loadConfig(folder, env)).toMatchObject({
    cwd: folder,
    pipelinesDir: join(folder, "elt/specs"),
    dbtDir: join(folder, "warehouse"),
    home: join(folder, "elsewhere"),
    packageRoot: join(folder, "elsewhere/packages"),
    taskQueue: "shop",
    datasetName: "landing",
  });
  // What is started from here, dbt for one, reads the same.
  expect(env.DLT_DATASET_NAME).toBe("landing");
});

test("it is found from a folder below; a package.json without the key is none", () => {
  const folder = project({ "tidemark.config.json": "{}", "a/b/package.json": '{"name":"b"}' });
  expect(findProjectFolder(join(folder, "a/b"))).toBe(folder);
  expect(findProjectFolder(project({ "package.json": "{}" }))).toBeUndefined();
  const config = { cwd: folder, from: join(folder, "a") };
  expect(specArgument("orders", config)).toBe("orders");
  expect(specArgument("b/x.yaml", config)).toBe("./a/b/x.yaml");
  expect(specArgument("../../x.yaml", config)).toBe(join(folder, "../x.yaml"));
});

test.each([
  ["tidemark.config.json", "{", /tidemark\.config\.json: cannot be read/],
  ["tidemark.config.json", "[]", /an object is expected/],
  ["tidemark.config.json", '{"pipelnes": "x"}', /pipelnes.*did you mean "pipelines"/],
  ["tidemark.config.json", '{"home": 1}', /"home" must be a text/],
  ["tidemark.config.json", '{"sources": []}', /"sources" must be an object/],
  ["tidemark.config.js", "throw new Error('no')", /cannot be read: no/],
  ["tidemark.config.js", "module.exports = {}", /an object is expected as its default export/],
])("%s that holds %s is refused", (name, text, message) => {
  const folder = project({ [name]: text });
  expect(() => loadConfig(folder, {})).toThrow(
    expect.objectContaining({ code: "PROJECT_FILE_INVALID", message: expect.stringMatching(message) }),
  );
});

test("sources and the data converter may be modules, which are loaded when they are needed", () => {
  const folder = project({
    "tidemark.config.json":
      '{"sources": {"shop": "./src/shop.js", "gone": "./gone.js"}, "dataConverter": "./codec.js"}',
    "src/shop.js": "exports.shop = { made: true };",
    "codec.js": "exports.dataConverter = { payloadCodecs: [] };",
  });
  const { sources } = readProjectFile(folder);
  expect(Object.keys(sources!)).toEqual(["shop", "gone"]);
  expect(sources!.shop).toEqual({ made: true });
  expect(() => sources!.gone).toThrow(expect.objectContaining({ code: "PROJECT_FILE_INVALID" }));
  const config = loadConfig(folder, {});
  expect(dataConverterOf(config)).toEqual({ payloadCodecs: [] });
  expect(() => dataConverterOf(loadConfig(folder, { TIDEMARK_DATA_CONVERTER: "nothing.js" }))).toThrow(
    /nothing\.js cannot be loaded/,
  );
});
