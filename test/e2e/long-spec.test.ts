/** Specs of megabytes: they run, or are refused at once; never a run that hangs on Temporal's limits. */
import { randomBytes } from "node:crypto";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tidemark } from "../support/cli";
import { newProject, type Project } from "../support/project";

const ROWS = `exports.rows = async function* ({ args }) { yield [{ id: 1, length: args.notes.length }]; };`;

function withNotes(label: string, notes: string): Project {
  const project = newProject(label);
  writeFileSync(join(project.folder, "pipelines", "rows.js"), ROWS);
  project.writeSpec("long", {
    pipeline_name: "long",
    source: { type: "code", name: "shop", module: "rows.js", resources: [{ name: "rows", args: { notes } }] },
  });
  return project;
}

test("one of five megabytes loads, up to the limit of what may cross compressed", async () => {
  // A megabyte that does not compress, and four that do.
  const notes = randomBytes(760_000).toString("base64") + "some words ".repeat(400_000);
  const project = withNotes("long-spec", notes);
  const { code, stderr } = await tidemark(project, ["run", "long", "--json"]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(await project.query("SELECT length FROM raw.rows")).toEqual([{ length: String(notes.length) }]);
});

test("one that is too long even when compressed is refused with its size before anything starts", async () => {
  const project = withNotes("too-long", randomBytes(3_000_000).toString("base64"));
  const { code, stdout, stderr } = await tidemark(project, ["run", "long", "--json"]);
  expect(code).toBe(2);
  expect(JSON.parse(stdout).error).toMatchObject({ code: "SPEC_INVALID", step: "resolve" });
  expect(stderr).toMatch(/spec of long is too long: 3\.8 MB of JSON .* Split its resources/);
  expect(existsSync(join(project.folder, "home"))).toBe(false);
});
