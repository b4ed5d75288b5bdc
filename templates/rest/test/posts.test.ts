/** The pipeline from rows of this test's own to its tables. `npm test`. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { TestProject } from "tidemark/testing";

let project: TestProject;

before(async () => {
  project = await TestProject.start({ project: join(__dirname, "..") });
});
after(() => project?.close());

test("a post that comes again is updated in place", async () => {
  const options = { transform: false, gate: false };
  await project.run("posts", { ...options, rows: { posts: [{ id: 1, title: "draft" }] } });
  await project.run("posts", {
    ...options,
    rows: {
      posts: [
        { id: 1, title: "final" },
        { id: 2, title: "next" },
      ],
    },
  });
  assert.deepEqual(await project.rows("posts"), [
    { id: 1, title: "final" },
    { id: 2, title: "next" },
  ]);
});
