/**
 * A local copy of the JSONPlaceholder API, generated: 100 posts, 5 comments each, the same on every start.
 * Listens on 127.0.0.1.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

export interface Post {
  userId: number;
  id: number;
  title: string;
  body: string;
}

export interface Comment {
  postId: number;
  id: number;
  name: string;
  email: string;
  body: string;
}

const POSTS = 100;
const POSTS_PER_USER = 10;
const COMMENTS_PER_POST = 5;

const SUBJECTS = [
  "The tide",
  "A small harbour",
  "Our pilot boat",
  "The lighthouse",
  "Low water",
  "A spring tide",
  "The ferry",
];
const VERBS = ["leaves", "follows", "measures", "outlasts", "carries", "answers", "crosses", "forgets"];
const OBJECTS = [
  "the morning fog",
  "an old chart",
  "the western pier",
  "every warning",
  "the slack hour",
  "a quiet bay",
];
const FIRST = ["Ada", "Björn", "Chiara", "Dario", "Edda", "Femke", "Goran", "Hana", "Ines", "Jonas", "Kaya"];
const LAST = [
  "Alder",
  "Brook",
  "Cole",
  "Dunn",
  "Ekwall",
  "Frost",
  "Gale",
  "Hobbs",
  "Iversen",
  "Joyce",
  "Kerr",
  "Lund",
  "Moss",
];

/** Picks by number; neighbours differ, and lists of different lengths never run in step. */
function pick(list: readonly string[], n: number): string {
  return list[(n * 7 + 3) % list.length]!;
}

function sentence(n: number): string {
  return `${pick(SUBJECTS, n)} ${pick(VERBS, n * 3 + 1)} ${pick(OBJECTS, n * 5 + 2)}`;
}

export function generatePosts(): Post[] {
  return Array.from({ length: POSTS }, (_, i) => ({
    userId: Math.floor(i / POSTS_PER_USER) + 1,
    id: i + 1,
    title: sentence(i + 1),
    body: [1, 2, 3].map(part => `${sentence(i * 3 + part)}.`).join("\n"),
  }));
}

export function generateComments(): Comment[] {
  return Array.from({ length: POSTS * COMMENTS_PER_POST }, (_, i) => {
    const id = i + 1;
    const [first, last] = [pick(FIRST, id), pick(LAST, id * 3)];
    return {
      postId: Math.floor(i / COMMENTS_PER_POST) + 1,
      id,
      name: `${first} ${last}`,
      email: `${ascii(first)}.${ascii(last)}.${id}@example.com`.toLowerCase(),
      body: `${sentence(id * 2)}.\n${sentence(id * 2 + 1)}.`,
    };
  });
}

function ascii(text: string): string {
  return text.normalize("NFD").replace(/[^a-zA-Z]/g, "");
}

export interface JsonPlaceholder {
  /** With a trailing slash. */
  url: string;
  /** `GET /path?query`, one per request, in order. */
  requests: string[];
  close(): Promise<void>;
}

/** @param options.port default: a free one */
export async function startJsonPlaceholder(options: { port?: number } = {}): Promise<JsonPlaceholder> {
  const posts = generatePosts();
  const comments = generateComments();
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    request.resume();
    const found = request.method === "GET" ? find(request.url ?? "/", posts, comments) : undefined;
    response.writeHead(found === undefined ? 404 : 200, {
      "Content-Type": "application/json; charset=utf-8",
    });
    response.end(JSON.stringify(found ?? {}));
  });
  await new Promise<void>((done, fail) => {
    server.once("error", fail);
    server.listen(options.port ?? 0, "127.0.0.1", done);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    requests,
    close: async () => {
      server.closeAllConnections();
      await new Promise(done => server.close(done));
    },
  };
}

function find(target: string, posts: Post[], comments: Comment[]): unknown {
  const url = new URL(target, "http://localhost");
  const [collection, id, below, ...rest] = url.pathname.split("/").filter(part => part !== "");
  const list: readonly (Post | Comment)[] | undefined =
    collection === "posts" ? posts : collection === "comments" ? comments : undefined;
  if (list === undefined || rest.length > 0) return undefined;
  if (id === undefined) return list.filter(one => matches(one, url.searchParams));
  const one = list.find(row => String(row.id) === id);
  if (below === undefined) return one;
  if (collection !== "posts" || below !== "comments" || one === undefined) return undefined;
  return comments.filter(comment => comment.postId === one.id);
}

/** `?postId=3`: rows whose field has that text. */
function matches(row: Post | Comment, filters: URLSearchParams): boolean {
  return [...filters].every(
    ([field, value]) => String((row as unknown as { [field: string]: unknown })[field]) === value,
  );
}
