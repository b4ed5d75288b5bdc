/** The source's own rows, to the table. `npm test`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { TestProject } from "tidemark/testing";

let project: TestProject;

before(async () => {
  project = await TestProject.start({ project: join(__dirname, "..") });
});
after(() => project?.close());

test("customers are loaded once, however often it runs", async () => {
  await project.run("shop");
  await project.run("shop");
  const names = (await project.rows("customers")).map(({ name }) => name);
  assert.deepEqual(names, ["Ada", "Bruno", "Chiara"]);
});
