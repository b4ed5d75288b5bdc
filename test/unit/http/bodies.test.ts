/**
 * Character sets and packings. What `requests` 2.34 reads (`Response.json`, Python's codecs) is read so here; UTF-16
 * that is called application/json is refused there.
 */
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { isUtf8Body, readJson } from "../../../src/sources/http/body";
import { ask, closeServers, failure, serve } from "./servers";

afterEach(closeServers);

const utf32 = (text: string, big: boolean) => {
  const buffer = Buffer.alloc(text.length * 4);
  for (let i = 0; i < text.length; i++) {
    if (big) buffer.writeUInt32BE(text.charCodeAt(i), i * 4);
    else buffer.writeUInt32LE(text.charCodeAt(i), i * 4);
  }
  return buffer;
};
const utf16be = (text: string) => Buffer.from(text, "utf16le").swap16();
const TEXT = '["é"]';

test.each<[string, Buffer, string | undefined]>([
  ["UTF-8", Buffer.from(TEXT), "application/json"],
  ["UTF-8 with a mark", Buffer.from(`\ufeff${TEXT}`), undefined],
  [
    "UTF-8 with a mark that is called otherwise",
    Buffer.from(`\ufeff${TEXT}`),
    "text/json; charset=iso-8859-1",
  ],
  ["utf-8-sig", Buffer.from(`\ufeff${TEXT}`), "text/json; charset=utf-8-sig"],
  ["UTF-16 with a mark", Buffer.from(`\ufeff${TEXT}`, "utf16le"), undefined],
  ["UTF-16 BE with a mark", utf16be(`\ufeff${TEXT}`), "text/json; charset=utf-16"],
  ["utf-16 without a mark", Buffer.from(TEXT, "utf16le"), "text/json; charset=utf-16"],
  ["UTF-16 of which nobody says a word", Buffer.from(TEXT, "utf16le"), "application/json"],
  ["UTF-16 BE of which nobody says a word", utf16be(TEXT), "application/json"],
  ["utf-16-be, as Python spells it", utf16be(TEXT), "text/json; charset=utf-16-be"],
  ["UTF-32", utf32(TEXT, false), "application/json"],
  ["UTF-32 BE", utf32(TEXT, true), undefined],
  ["UTF-32 with a mark", utf32(`\ufeff${TEXT}`, false), "text/json; charset=utf-32"],
  ["ISO-8859-1", Buffer.from(TEXT, "latin1"), "text/json; charset=ISO-8859-1"],
  ["latin-1 in quotes", Buffer.from(TEXT, "latin1"), 'text/json; charset="latin-1"; x=y'],
  ["windows-1252", Buffer.from(TEXT, "latin1"), "text/json; charset=windows-1252"],
  ["cp1252", Buffer.from(TEXT, "latin1"), "text/json;charset=cp1252"],
  ["a name that nobody knows", Buffer.from(TEXT), "text/json; charset=x-nothing"],
])("%s", (_, body, type) => {
  expect(readJson(body, type)).toEqual(["é"]);
});

test.each([
  ["windows-1252", [0x80, 0x92, 0x99, 0x9f, 0xe9], "€’™Ÿé"],
  ["iso-8859-1", [0x80, 0x92, 0xe9], "\u0080\u0092é"],
  ["windows-1251", [0xcf, 0xf0, 0xe8], "При"],
  ["shift_jis", [0x93, 0xfa, 0x96, 0x7b], "日本"],
  ["gb18030", [0xc4, 0xe3], "你"],
  ["koi8-r", [0xf0], "П"],
  ["utf-8", [0xff, 0x61], "\ufffda"],
])("bytes of %s", (charset, bytes, expected) => {
  const body = Buffer.concat([Buffer.from('["'), Buffer.from(bytes), Buffer.from('"]')]);
  expect(readJson(body, `application/json; charset=${charset}`)).toEqual([expected]);
});

test("only what is UTF-8 may stay text", () => {
  expect(isUtf8Body(Buffer.from(TEXT), "application/json; charset=UTF-8")).toBe(true);
  expect(isUtf8Body(Buffer.from(TEXT), "application/json; charset=us-ascii")).toBe(true);
  expect(isUtf8Body(Buffer.from(TEXT, "latin1"), "application/json; charset=windows-1252")).toBe(false);
  expect(isUtf8Body(Buffer.from(TEXT, "utf16le"), "application/json")).toBe(false);
});

test.each<[string, Buffer]>([
  ["gzip", gzipSync("[1]")],
  ["x-gzip", gzipSync("[1]")],
  ["gzip", Buffer.concat([gzipSync("["), gzipSync("1]")])],
  ["deflate", deflateSync("[1]")],
  ["deflate", deflateRawSync("[1]")],
  ["br", brotliCompressSync("[1]")],
  ["gzip, br", brotliCompressSync(gzipSync("[1]"))],
  ["identity", Buffer.from("[1]")],
  ["x-nobody-knows", Buffer.from("[1]")],
])("packed with %s", async (encoding, body) => {
  const base = await serve((_, response) =>
    response.writeHead(200, { "Content-Encoding": encoding }).end(body),
  );
  expect(await ask(base)).toBe("[1]");
});

test("zstd is unpacked where Node can, else told; nobody is asked for it", async () => {
  const zlib = (await import("node:zlib")) as unknown as { zstdCompressSync?: (text: string) => Buffer };
  let accepted: unknown;
  const body =
    zlib.zstdCompressSync?.("[1]") ?? Buffer.from("28b52ffd2003190000 5b315d".replace(" ", ""), "hex");
  const base = await serve((request, response) => {
    accepted = request.headers["accept-encoding"];
    response.writeHead(200, { "Content-Encoding": "zstd" }).end(body);
  });
  if (zlib.zstdCompressSync !== undefined) expect(await ask(base)).toBe("[1]");
  else
    expect((await failure(ask(base, { attempts: 5 }))).message).toMatch(/packed with zstd.*Node \d+.*"gzip"/);
  expect(accepted).toBe("gzip, deflate, br");
});
