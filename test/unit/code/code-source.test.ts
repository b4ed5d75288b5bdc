import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Binary, Decimal, Timestamp, WholeFloat } from "../../../src/json/values";
import type { SourceSpec } from "../../../src/pipeline/spec";
import { float } from "../../../src/sources/code/code-module";
import { codeSource } from "../../../src/sources/code/code-source";
import { toRow } from "../../../src/sources/code/code-values";
import type { OpenOptions, Page } from "../../../src/sources/source";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidemark-code-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function spec(code: string, resources: object[]): SourceSpec {
  const module_ = join(folder, "source.js");
  writeFileSync(module_, code);
  return { type: "code", name: "mine", module: module_, resources } as unknown as SourceSpec;
}

async function pagesOf(
  source: SourceSpec,
  name: string,
  options: Partial<OpenOptions> = {},
): Promise<Page[]> {
  const made = await codeSource.create(source);
  const resource = made.resources.find(one => one.name === name)!;
  const pages: Page[] = [];
  for await (const page of resource.open({ signal: new AbortController().signal, attempts: 1, ...options })) {
    pages.push(page);
  }
  return pages;
}

describe("values", () => {
  test("JavaScript values become typed ones", () => {
    const row = toRow(
      {
        whole: 1,
        float: float(1),
        beyond: 2 ** 60,
        exact: 2n ** 60n,
        day: new Date("2026-01-02T03:04:05.006Z"),
        second: new Date("2026-01-02T03:04:05Z"),
        bytes: Buffer.from("ab"),
        price: new Decimal("1.50"),
        gone: undefined,
        list: [undefined, { inner: null }],
      },
      "r",
    );
    expect(row).toEqual({
      whole: 1,
      float: new WholeFloat(1),
      beyond: new WholeFloat(2 ** 60),
      exact: 2n ** 60n,
      day: new Timestamp("2026-01-02T03:04:05.006000+00:00"),
      second: new Timestamp("2026-01-02T03:04:05+00:00"),
      bytes: new Binary(Buffer.from("ab")),
      price: new Decimal("1.50"),
      list: [null, { inner: null }],
    });
    expect(Object.keys(row)).not.toContain("gone");
  });

  test.each([
    [{ tags: new Map([["secret-value", 1]]) }, /resource "r", row\.tags is a Map/],
    [{ a: [{ f: () => "secret-value" }] }, /row\.a\[0\]\.f is a function/],
    [{ d: new Date("nonsense") }, /row\.d is an invalid Date/],
    ["secret-value", /yielded a string where a row/],
    [[{}], /a list inside a list/],
  ])("what no column can hold is refused without the value: %#", (value, message) => {
    const attempt = () => toRow(value, "r");
    expect(attempt).toThrow(expect.objectContaining({ code: "SOURCE_CODE_FAILED" }));
    expect(attempt).toThrow(message);
    expect(attempt).not.toThrow(/secret-value/);
  });

  test('a key "__proto__" is data', () => {
    const row = toRow(JSON.parse('{"__proto__": {"polluted": true}}'), "r");
    expect(Object.keys(row)).toEqual(["__proto__"]);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe("reading", () => {
  test("rows one by one are gathered, lists stay pages, pages carry their place", async () => {
    const source = spec(
      `const { page } = require(${JSON.stringify(require.resolve("../../../src/sources/code/code-module"))});
       exports.r = async function* ({ resume, args }) {
         yield { n: 1 }; yield { n: 2 };
         yield [{ n: 3 }];
         yield { n: 4 };
       };
       exports.many = function* () { for (let n = 0; n < 2500; n++) yield { n }; };
       exports.echo = function* (context) { yield { args: context.args, resume: context.resume, from: context.incremental.start_value }; };`,
      [
        { name: "r" },
        { name: "many" },
        {
          name: "echo",
          args: { size: 3 },
          incremental: { cursor_path: "n", initial_value: 1 },
          primary_key: ["id"],
        },
      ],
    );
    expect((await pagesOf(source, "r")).map(page => page.rows)).toEqual([
      [{ n: 1 }, { n: 2 }],
      [{ n: 3 }],
      [{ n: 4 }],
    ]);
    expect((await pagesOf(source, "many")).map(page => page.rows.length)).toEqual([1000, 1000, 500]);

    const echo = (await codeSource.create(source)).resources.find(one => one.name === "echo")!;
    expect(echo.incremental).toMatchObject({ range_start: "closed", primary_key_is_list: true });
    const [first] = await pagesOf(source, "echo", {
      resume: { at: 5 },
      incremental: { config: echo.incremental!, start_value: 7 },
    });
    expect(first!.rows).toEqual([{ args: { size: 3 }, resume: { at: 5 }, from: 7 }]);
  });

  test("a page's place goes with it, and a child reads its parent's rows", async () => {
    const codeModule = JSON.stringify(join(__dirname, "../../../src/sources/code/code-module.ts"));
    const source = spec(
      `const { page } = module.parent.require(${codeModule});
       exports.child = async function* ({ parentRows }) {
         for await (const rows of parentRows) yield page(rows.map(row => ({ of: row.id })), { done: rows.length });
       };
       exports.top = function* () {};`,
      [{ name: "child", parent: "top" }, { name: "top" }],
    );
    const made = await codeSource.create(source);
    expect(made.resources.map(one => one.name)).toEqual(["top", "child"]);
    async function* parentRows() {
      yield [{ id: 1 }, { id: 2 }];
    }
    expect(await pagesOf(source, "child", { parentRows: parentRows() })).toEqual([
      { rows: [{ of: 1 }, { of: 2 }], resume: { done: 2 } },
    ]);
  });

  test("an early stop ends the generator, an abort stops it", async () => {
    const source = spec(
      `exports.state = { ended: 0 };
       exports.r = async function* () { try { for (;;) yield [{ n: 1 }]; } finally { exports.state.ended++; } };`,
      [{ name: "r" }],
    );
    const { state } = require(join(folder, "source.js"));
    const resource = (await codeSource.create(source)).resources[0]!;
    for await (const _ of resource.open({ signal: new AbortController().signal, attempts: 1 })) break;
    expect(state.ended).toBe(1);
    const controller = new AbortController();
    const reading = (async () => {
      for await (const _ of resource.open({ signal: controller.signal, attempts: 1 })) controller.abort();
    })();
    await expect(reading).rejects.toMatchObject({ name: "AbortError" });
    expect(state.ended).toBe(2);
  });

  test("what the generator throws is one terminal error with class and place, and without its message", async () => {
    const source = spec(
      `exports.r = async function* () { throw new RangeError("no such tenant\\nsecond line"); };`,
      [{ name: "r" }],
    );
    await expect(pagesOf(source, "r")).rejects.toMatchObject({
      code: "SOURCE_CODE_FAILED",
      kind: "terminal",
      message: expect.stringMatching(/^(?!.*no such tenant).*threw RangeError at .*source\.js:1:\d+/),
    });
  });

  test("a missing export is told with the nearest name, a broken module with its error", () => {
    const source = spec("exports.customers = function* () {};", [{ name: "custmers" }]);
    expect(() => codeSource.create(source)).toThrow(/no function of that name; did you mean "customers"\?/);
    rmSync(join(folder, "source.js"));
    jest.resetModules();
    expect(() => codeSource.create(spec("not javascript at all", [{ name: "r" }]))).toThrow(
      /could not be loaded/,
    );
  });
});

test("the spec's problems come all at once, with paths and nearest names", () => {
  const bad = { type: "code", name: "x", modul: "m", resources: [{ name: "a", write_dispositon: "merge" }] };
  expect(codeSource.check(bad as unknown as SourceSpec)).toEqual([
    {
      path: ["resources", 0, "write_dispositon"],
      message: 'unknown key "write_dispositon"; did you mean "write_disposition"?',
    },
    { path: ["modul"], message: 'unknown key "modul"; did you mean "module"?' },
  ]);
  const family = (resources: object[]) =>
    codeSource.check({ type: "code", name: "x", module: "m", resources } as unknown as SourceSpec);
  expect(
    family([
      { name: "a", parent: "b" },
      { name: "b", parent: "a" },
    ])[0]!.message,
  ).toMatch(/form a circle/);
  expect(family([{ name: "alpha" }, { name: "b", parent: "alpa" }])[0]).toEqual({
    path: ["resources", 1, "parent"],
    message: 'unknown resource "alpa"; did you mean "alpha"?',
  });
  expect(family([{ name: "a" }, { name: "a" }])[0]!.path).toEqual(["resources", 1, "name"]);
});
