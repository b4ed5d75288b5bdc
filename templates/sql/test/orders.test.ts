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

test("an order that comes again is updated in place", async () => {
  const options = { transform: false, gate: false };
  await project.run("orders", {
    ...options,
    rows: { orders: [{ id: 1, state: "new", updated_at: "2026-01-01T00:00:00" }] },
  });
  await project.run("orders", {
    ...options,
    rows: {
      orders: [
        { id: 1, state: "paid", updated_at: "2026-01-02T00:00:00" },
        { id: 2, state: "new", updated_at: "2026-01-02T00:00:00" },
      ],
    },
  });
  assert.deepEqual(await project.rows("orders"), [
    { id: 1, state: "paid", updated_at: "2026-01-02T00:00:00" },
    { id: 2, state: "new", updated_at: "2026-01-02T00:00:00" },
  ]);
});
