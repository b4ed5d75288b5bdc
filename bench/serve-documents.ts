/**
 * Serves the documents page by page from memory: `tsx serve-documents.ts COUNT PAGE_SIZE` prints its port.
 * GET /orders?page=N (from 0); a page past the end is empty. A process of its own, so that it takes no time from either
 * engine's process.
 */
import { createServer } from "node:http";
import { orderPage } from "./documents";

const [count, pageSize] = process.argv.slice(2).map(Number) as [number, number];
const pages: Buffer[] = [];
for (let first = 0; first < count; first += pageSize) {
  pages.push(Buffer.from(orderPage(first, Math.min(pageSize, count - first))));
}
const empty = Buffer.from('{"data":[]}');

const server = createServer((request, response) => {
  const page = Number(new URL(request.url ?? "/", "http://localhost").searchParams.get("page") ?? 0);
  const body = pages[page] ?? empty;
  response.writeHead(200, { "content-type": "application/json", "content-length": body.length });
  response.end(body);
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (address !== null && typeof address === "object") process.stdout.write(`${address.port}\n`);
});
process.once("disconnect", () => process.exit());
