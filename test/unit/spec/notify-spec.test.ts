/** Receivers of notices in a spec: what is valid, and that no secret of theirs is in the resolved form. */
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../../src/config";
import type { JsonObject } from "../../../src/pipeline/spec";
import { checkSpec, formatPath } from "../../../src/spec/check-spec";
import { withNotifySecrets } from "../../../src/spec/open-source";
import { PLAIN_LIMIT, packSpec, unpackSpec } from "../../../src/spec/packed-spec";
import { resolveSpec } from "../../../src/spec/resolve-spec";

const document = (notify: unknown, more: JsonObject = {}): JsonObject => ({
  pipeline_name: "p",
  source: { type: "sql_table", name: "s", credentials: { env: "DSN" }, table: "orders" },
  notify: notify as JsonObject,
  ...more,
});
const problems = (notify: unknown) =>
  checkSpec(document(notify)).map(({ path, message }) => `${formatPath(path)}: ${message}`);
const config = loadConfig(join(__dirname, "..", "none"), { HOME: "/none" });
const resolved = (notify: unknown, file?: string, more?: JsonObject) =>
  resolveSpec({ document: document(notify, more), ...(file === undefined ? {} : { file }) }, {}, config);
const FILE = join(__dirname, "p.yaml");

test("events are named, each receiver has one way, headers go with a webhook", () => {
  expect(problems([{ on: ["failed"], webhook: { env: "HOOK" } }])).toEqual([]);
  expect(problems([{ on: ["stale"], command: ["./page.sh", "x"] }])).toEqual([]);
  expect(problems([{ on: ["fail"], webhook: { env: "HOOK" } }])[0]).toMatch(
    /^notify\[0\]\.on\[0\]: .*schema_change/,
  );
  expect(problems([{ on: [], webhook: { env: "HOOK" } }])).toHaveLength(1);
  expect(problems([{ on: ["failed"] }])).toEqual(["notify[0]: must have either webhook or command"]);
  expect(problems([{ on: ["failed"], command: ["x"], headers: { a: "b" } }])).toEqual([
    "notify[0].headers: headers go with a webhook",
  ]);
  expect(problems([{ on: ["failed"], webhok: "x" }]).join()).toMatch(/webhok.*webhook/);
});

test("a literal URL or header of a file becomes a reference into it; in a workflow's input it is refused", () => {
  const literal = [{ on: ["failed"], webhook: "https://hooks.test/s3cr3t", headers: { "x/key": "s3cr3t" } }];
  expect(resolved(literal, FILE).notify).toEqual([
    {
      on: ["failed"],
      webhook: { spec_ref: { file: FILE, pointer: "/notify/0/webhook" } },
      headers: { "x/key": { spec_ref: { file: FILE, pointer: "/notify/0/headers/x~1key" } } },
    },
  ]);
  expect(() => resolved(literal)).toThrow(/literal secret at notify\/0\/webhook, notify\/0\/headers.*rotate/);
});

test("a file with a secret that is gone or broken is named, and nothing of it is quoted", () => {
  const file = join(mkdtempSync(join(tmpdir(), "tidemark-spec-")), "p.yaml");
  const [receiver] = resolved([{ on: ["failed"], webhook: "https://hooks.test/s3cr3t" }], file).notify!;
  const open = () => withNotifySecrets(receiver!, 0, config);
  expect(open).toThrow(
    expect.objectContaining({ code: "SECRET_MISSING", message: expect.stringMatching(/p\.yaml.*ENOENT/) }),
  );
  writeFileSync(file, "webhook: s3cr3t: [");
  expect(open).toThrow(expect.objectContaining({ message: expect.stringMatching(/does not parse/) }));
  expect(open).toThrow(expect.not.objectContaining({ message: expect.stringMatching(/s3cr3t/) }));
});

test("a workflow's input cannot run a command", () => {
  const command = [{ on: ["failed"], command: ["rm", "-rf", "x"] }];
  expect(resolved(command, FILE).notify).toEqual(command);
  expect(() => resolved(command)).toThrow(/a command is run only for a spec that is a file/);
});

test("a long spec is routed by its events and keeps its receivers", () => {
  const notify = [{ on: ["failed"], webhook: { env: "HOOK" } }];
  const columns = Array.from({ length: 6_000 }, (_, i) => ({ name: `c${i}`, description: "d".repeat(40) }));
  const packed = packSpec(resolved(notify, FILE, { columns } as unknown as JsonObject));
  expect(JSON.stringify(columns).length).toBeGreaterThan(PLAIN_LIMIT);
  expect(packed.notify).toEqual([{ on: ["failed"] }]);
  expect(unpackSpec(packed).notify).toEqual(notify);
});
