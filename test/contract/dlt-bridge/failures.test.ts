/** Projects whose Python goes wrong: each ends in a sentence with a code, and nothing is loaded. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TidemarkError } from "../../../src/pipeline/errors";
import type { JsonObject } from "../../../src/pipeline/spec";
import { dltSource } from "../../../src/sources/dlt/dlt-source";
import { emptyState } from "../../../src/state/pipeline-state";
import { DltProject } from "../../support/dlt-project";

const PROJECT = {
  "broken/__init__.py": "",
  "broken/inner.py": "def build():\n    return 1 / 0\n",
  "not_importing.py": "from broken.inner import build\nbuild()\n",
  "missing.py": "import no_such_package_anywhere\n",
  "odd.py": `
import dlt, os, sys, time

NUMBER = 7

def plain():
    return [{"id": 1}]

@dlt.source
def needs(token: str = dlt.secrets.value):
    return dlt.resource([{"id": 1}], name="rows")

@dlt.source
def wants(count):
    return dlt.resource([{"id": count}], name="rows")

@dlt.source
def odd(how):
    @dlt.resource(primary_key="id")
    def rows(at=dlt.sources.incremental("id", initial_value=0)):
        yield [{"id": 1, "secret": "row-value-one"}]
        if how == "raises":
            raise ValueError("bad row: row-value-two")
        if how == "network":
            import requests
            requests.get("http://127.0.0.1:9/none")
        if how == "killed":
            os.kill(os.getpid(), 9)
        if how == "waits":
            time.sleep(600)
        if how == "eats":
            held = bytearray(700 * 1024 * 1024)
            time.sleep(30)
        if how == "exits":
            sys.exit(0)
        if how == "frozen":
            yield {"id": 2, "more": 1}
    if how == "frozen":
        rows.apply_hints(columns=[{"name": "id", "data_type": "bigint"}], schema_contract="freeze")
    return rows
`,
};

describe("what the source says of itself", () => {
  const project = new DltProject(PROJECT);
  afterAll(() => project.remove());
  const failure = async (call: JsonObject) =>
    (await project.describe(call as never).then(
      () => undefined,
      error => error,
    )) as TidemarkError;

  test.each([
    [
      { module: "not_importing", source: "x" },
      "SOURCE_CODE_FAILED",
      /ZeroDivisionError.*not_importing.py:2.*broken\/inner.py:2 in build/,
    ],
    [{ module: "missing", source: "x" }, "PYTHON_REQUIREMENTS", /no_such_package_anywhere.*missing.py:1/],
    [{ module: "absent.py", source: "x" }, "PYTHON_SOURCE", /no file absent.py/],
    [{ module: "odd", source: "oddd" }, "PYTHON_SOURCE", /no `oddd`; did you mean `odd`/],
    [{ module: "odd", source: "NUMBER" }, "PYTHON_SOURCE", /a value of type int where a dlt source/],
    [{ module: "odd", source: "plain" }, "PYTHON_SOURCE", /a value of type list/],
    [{ module: "odd", source: "needs" }, "SECRET_MISSING", /SOURCES__ODD__NEEDS__TOKEN/],
    [{ module: "odd", source: "wants" }, "PYTHON_SOURCE", /count/],
    [
      { module: "odd", source: "odd", args: { how: "no" }, resources: ["rowz"] },
      "PYTHON_SOURCE",
      /no resource `rowz`; it has: `rows`/,
    ],
    [
      { module: "odd", source: "odd", args: { how: "no" }, name: "other" },
      "PYTHON_SOURCE",
      /called `odd` in Python/,
    ],
  ] as [JsonObject, string, RegExp][])("%j: %s", async (call, code, message) => {
    const error = await failure(call);
    expect([error?.code, error?.message]).toEqual([code, expect.stringMatching(message)]);
  });

  test("no Python, and no way to one", async () => {
    const empty = new DltProject({ "odd.py": "" });
    const error = await empty
      .describe({ module: "odd", source: "odd", python: "bin/python" } as never)
      .catch(e => e);
    expect([error.code, error.message]).toEqual(["PYTHON_MISSING", expect.stringContaining("bin/python")]);
    empty.remove();
  });
});

test("while rows come: the cursor stays, no row is quoted, the group is ended", async () => {
  const project = new DltProject(PROJECT);
  const call = { module: "odd", source: "odd" };
  const failure = async (how: string, more: JsonObject = {}) =>
    (await project.ours({ ...call, args: { how }, ...more }).catch(error => error)) as TidemarkError;
  try {
    const raised = await failure("raises");
    expect([raised.code, raised.kind]).toEqual(["SOURCE_CODE_FAILED", "terminal"]);
    expect(raised.message).toMatch(/ValueError was raised in resource "rows" of odd:odd.*odd.py:\d+ in rows/);
    expect(raised.message).not.toContain("row-value");
    expect(String((raised.cause as Error).message)).toContain("bad row: row-value-two");

    const network = await failure("network");
    expect([network.code, network.kind]).toEqual(["PYTHON_SOURCE_UNAVAILABLE", "transient"]);
    expect([(await failure("killed")).code, (await failure("exits")).code]).toEqual([
      "PYTHON_DIED",
      "SOURCE_CODE_FAILED",
    ]);
    expect((await failure("waits", { idle_timeout_seconds: 2 })).code).toBe("PYTHON_TIMEOUT");
    expect((await failure("eats", { memory_limit: "500MB" })).code).toBe("PYTHON_MEMORY");
    expect((await failure("frozen")).code).toBe("CONTRACT_VIOLATION");

    const good = await project.ours({ ...call, args: { how: "well" } });
    expect(good.extracted[0]?.rows).toBe(1);
  } finally {
    project.remove();
  }
});

const NOISY = `
import dlt, os, sys

@dlt.source
def noisy(key=dlt.secrets.value):
    @dlt.resource
    def rows():
        print("the key is " + key)
        for _ in range(200):
            print("x" * 100000)
        child = os.fork()
        if child == 0:
            import time
            time.sleep(300)
            os._exit(0)
        yield {"id": 1}
    return rows
`;

test("prints a secret, floods its output, forks: masked, bounded, and not waited for", async () => {
  const project = new DltProject({
    "noisy.py": NOISY,
    ".dlt/secrets.toml": '[sources.noisy]\nkey = "hunter2-hunter2"\n',
  });
  try {
    const source = await project.describe({ module: "noisy", source: "noisy" });
    const folder = join(project.folder, "attempt");
    mkdirSync(folder);
    const before = Date.now();
    const found = await (await dltSource.create(source, project.surroundings())).whole!({
      folder,
      pipeline_name: "p",
      dataset_name: "raw",
      load_id: "1796000000.1",
      destination: { type: "duckdb", max_identifier_length: 65536, max_column_identifier_length: 65536 },
      state: JSON.stringify({ ...emptyState("p", "raw"), _local: {} }),
      run: {},
      resource_hints: {},
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    expect(found.files.map(({ table, rows }) => [table, rows])).toEqual([["rows", 1]]);
    expect(Date.now() - before).toBeLessThan(60_000);
    const log = readFileSync(join(folder, "python.log"), "utf8");
    expect(log).toContain("the key is ***");
    expect(log).not.toContain("hunter2");
    expect(log.length).toBeLessThan(5 * 1024 * 1024);
  } finally {
    project.remove();
  }
});

const HOOK = `
import importlib.abc, importlib.machinery, sys, types

class Lakeflow(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self) if name == "dlt" else None
    def create_module(self, spec):
        module = types.ModuleType("dlt")
        module.table = module.view = lambda function=None, **more: function
        return module
    def exec_module(self, module):
        pass

sys.meta_path.insert(0, Lakeflow())
`;

test("a hook that answers `import dlt` with Lakeflow's module is gone round, and told", async () => {
  const project = new DltProject({
    "site/sitecustomize.py": HOOK,
    "rows.py": "import dlt\n\n@dlt.resource\ndef rows():\n    yield {'id': 1}\n",
  });
  project.env = { ...project.env, PYTHONPATH: join(project.folder, "site") };
  try {
    const source = await project.describe({ module: "rows", source: "rows" });
    expect((source.described as { notes: string[] }).notes).toEqual([
      expect.stringMatching(
        /by Lakeflow \(Lakeflow's module of the same name\); dlthub's dlt of .* is used instead/,
      ),
    ]);
    expect(source.name).toBe("p");

    writeFileSync(
      join(project.folder, "site", "sitecustomize.py"),
      `${HOOK}
sys.path[:] = [one for one in sys.path if "site-packages" not in one]
`,
    );
    const error = await project.describe({ module: "rows.py", source: "rows" }).catch(e => e);
    expect([error.code, error.message]).toEqual(["PYTHON_DLT", expect.stringContaining("not dlthub's dlt")]);
  } finally {
    project.remove();
  }
});
