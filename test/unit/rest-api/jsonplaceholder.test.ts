import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import {
  type Comment,
  generateComments,
  generatePosts,
  startJsonPlaceholder,
} from "../../../demo/jsonplaceholder";
import type { JsonObject } from "../../../src/pipeline/spec";
import { runAll } from "./harness";

test("100 posts, 500 comments, always the same, with e-mails that are unique and valid", () => {
  const comments = generateComments();
  expect(generatePosts()).toEqual(generatePosts());
  expect(generatePosts()).toHaveLength(100);
  expect(new Set(comments.map(one => one.email)).size).toBe(500);
  for (const { email } of comments) expect(email).toMatch(/^[a-z]+\.[a-z]+\.\d+@example\.com$/);
});

test("the demo's spec loads every post and its comments", async () => {
  const spec = parse(readFileSync(join(__dirname, "../../../pipelines/rest_api_demo.yaml"), "utf8")) as {
    source: JsonObject;
  };
  const api = await startJsonPlaceholder();
  try {
    const { type: _type, ...source } = spec.source;
    (source.client as JsonObject).base_url = api.url;
    const { rest_posts, rest_comments } = await runAll(source);
    expect(rest_posts).toEqual(generatePosts());
    expect(rest_comments).toEqual(generateComments());
    expect(api.requests).toHaveLength(101);
    expect(api.requests[100]).toBe("GET /posts/100/comments");
  } finally {
    await api.close();
  }
});

test("filters, single rows, and 404 for the rest", async () => {
  const api = await startJsonPlaceholder();
  try {
    const of = (await (await fetch(`${api.url}comments?postId=3`)).json()) as Comment[];
    expect(of.map(one => one.id)).toEqual([11, 12, 13, 14, 15]);
    expect(((await (await fetch(`${api.url}posts/7`)).json()) as { id: number }).id).toBe(7);
    for (const path of ["posts/101", "users", "posts/1/likes", ""])
      expect((await fetch(api.url + path)).status).toBe(404);
  } finally {
    await api.close();
  }
});
