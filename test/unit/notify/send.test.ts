/** Receivers that hang, refuse, break or hold secrets; and what a good one gets. */
import { mkdtempSync, readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { noticePayload } from "../../../src/notify/payload";
import { sendNotice } from "../../../src/notify/send";
import type { TidemarkError } from "../../../src/pipeline/errors";
import type { Notice, NotifySpec } from "../../../src/pipeline/notices";

const RUN = {
  pipeline: "shop",
  dataset: "raw",
  workflow_id: "w",
  run_id: "r",
  namespace: "default",
  time: "2026-01-01T00:00:00.000Z",
};
const NOTICE: Notice = {
  event: "failed",
  error: { code: "HTTP_STATUS", step: "extract", message: 'Resource "a<b" & more' },
};
const PAYLOAD = noticePayload(NOTICE, RUN);
const folder = mkdtempSync(join(tmpdir(), "tidemark-notify-"));
let server: Server;
let base: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
let got: { headers: IncomingMessage["headers"]; body: string }[];

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", data => {
      body += data;
    });
    request.on("end", () => {
      got.push({ headers: request.headers, body });
      answer(request, response);
    });
  });
  await new Promise<void>(up => server.listen(0, "127.0.0.1", up));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
beforeEach(() => {
  got = [];
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const status = (code: number) => (_: IncomingMessage, response: ServerResponse) =>
  void response.writeHead(code, { location: `${base}/elsewhere` }).end("s3cr3t-told-back");

async function send(
  receiver: Omit<NotifySpec, "on">,
  timeoutMs?: number,
): Promise<TidemarkError | undefined> {
  const options = {
    where: "notify[0]",
    signal: new AbortController().signal,
    network: { proxies: {}, ca_files: [], folder },
    env: { PATH: process.env.PATH! },
    cwd: folder,
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  };
  return await sendNotice({ on: ["failed"], ...receiver }, PAYLOAD, options).then(
    () => undefined,
    error => error as TidemarkError,
  );
}

test("a webhook gets the payload as JSON with its headers; Slack's three characters are escaped in text only", async () => {
  answer = status(204);
  expect(await send({ webhook: `${base}/hook?x=1`, headers: { authorization: "Bearer t" } })).toBeUndefined();
  expect(got).toHaveLength(1);
  expect(got[0]!.headers).toMatchObject({ "content-type": "application/json", authorization: "Bearer t" });
  expect(JSON.parse(got[0]!.body)).toEqual({
    text: 'Pipeline shop failed in step extract: Resource "a&lt;b" &amp; more (HTTP_STATUS)',
    ...NOTICE,
    ...RUN,
  });
});

test.each([
  [500, "NOTICE_FAILED"],
  [429, "NOTICE_FAILED"],
  [404, "NOTICE_REFUSED"],
  [302, "NOTICE_REFUSED"],
])("an answer of %s is %s, and the message holds neither URL nor answer", async (code, expected) => {
  answer = status(code);
  const error = await send({ webhook: `${base}/s3cr3t-path` });
  expect([error?.code, error?.message]).toEqual([
    expected,
    expect.stringContaining(`notify[0] answered ${code}`),
  ]);
  expect(error?.message).not.toMatch(/s3cr3t|127\.0\.0\.1/);
  expect(got).toHaveLength(1);
});

test("one that hangs is given up in time; one that is not there, or no URL, is told without it", async () => {
  answer = () => {};
  const started = performance.now();
  const late = await send({ webhook: `${base}/s3cr3t` }, 200);
  expect(performance.now() - started).toBeLessThan(2_000);
  expect([late?.code, late?.message]).toEqual([
    "NOTICE_FAILED",
    "The webhook of notify[0] did not answer within 0.2 s.",
  ]);
  const away = await send({ webhook: "http://127.0.0.1:1/s3cr3t" });
  expect([away?.code, away?.message]).toEqual([
    "NOTICE_FAILED",
    "The webhook of notify[0] was not reached (ECONNREFUSED).",
  ]);
  expect((await send({ webhook: "file:///s3cr3t" }))?.code).toBe("NOTICE_REFUSED");
});

test("a command gets the payload on its input, without a shell; its end counts, and its time", async () => {
  const told = join(folder, "told $(x).json");
  const script = "require('fs').writeFileSync(process.argv[1], require('fs').readFileSync(0))";
  expect(await send({ command: [process.execPath, "-e", script, told] })).toBeUndefined();
  expect(JSON.parse(readFileSync(told, "utf8"))).toEqual(PAYLOAD);
  expect((await send({ command: [process.execPath, "-e", "process.exit(3)"] }))?.message).toMatch(
    /ended with 3/,
  );
  expect((await send({ command: ["/no/such/program"] }))?.code).toBe("NOTICE_REFUSED");
  const late = await send({ command: [process.execPath, "-e", "setInterval(() => {}, 1000)"] }, 300);
  expect([late?.code, late?.message]).toEqual(["NOTICE_FAILED", expect.stringMatching(/within 0\.3 s/)]);
});
