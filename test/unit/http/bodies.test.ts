/**
 * Character sets and packings. What `requests` 2.34 reads (`Response.json`, Python's codecs) is read so here; UTF-16
 * that is called application/json is refused there.
 */
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import { isUtf8Body, readJson, unpack } from "../../../src/sources/http/body";
import { UnreadableAnswer } from "../../../src/sources/http/unreadable-answer";
import { unzstd } from "../../../src/sources/http/zstd";
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

/** 300 rows as `zstd -3` packs them, with the checksum that it adds. */
const PACKED = Buffer.from(
  [
    "KLUv/WT1Hr0TADaoUhiQudABdbh+Vdfq3H2RJCllSilpzGZ3JgZQAEkATAAzMzMzMzMzMzMztm3btm3btt22bdu2bdu2JEmSJEmSJLlt27Zt27",
    "ZtIiIiIiIiIiIifxXRjN2Sm8hhYRgFBIMDA8IgQABQYDgMhCFgwJCQCLbbtm3btm3bliRJkiRJkiS3bdu2bdu2TURERERERERE/jHGGGOMMcYY",
    "Y4wx5P////////+rqqqqqqqqqqqqiIiIiIiIiIiIiALbJiIiIiIiIiIiIjI2NjY2NjY2NjY2NjY2NjY2NjY29v////////9VVVVVVVVVVVVVRE",
    "RERERERERERDMzMzMzMzMzMzO2bdu2bdsOioXh/////////19VVVVVVVVVVVVFRERERERERERENDMzMzMzMzMzM2Pbtm3btm3bbdu2bdu2bUuS",
    "JEmSJEmS27Zt27ZtAYJWqCLQu/8bco9KXB0SUBBoYEkFDJY/Hax9kOLeaiSzD1LcbR0w7wGKu6sRzp5EcXc1wdwHNO22Jih7IsXe1QhraSG0N7",
    "1L79D29fr0Lr1D29frC+YeZLGzNeDcExTvVkeYfYjG7taAcw9Q2ltNYfYJSrurA9Y9YGN3dYBZ4vRGWABB0hMAkFqcL8gJBSetm7Rs0qxJS5Pm",
    "TNoyaWPSgEnjJY1LGi1pZUm7koZKmpaUtA2gpMvguzX43Rp8d42+W0ffrdHv1ui7a/jdGv1uDb+3ht+tw+7W8Hdr+N01/G4dfreG31vD967he2",
    "v0jXcQbhCqIJwgxEBogfCAsAHC/ev+rT46v2K/rUfP1+L3tnc0wF6pb9AL5mRO5mROmpM5mZM5NQeTcgsQtgLM3AQE",
  ].join(""),
  "base64",
);
const ROWS = JSON.stringify(Array.from({ length: 300 }, (_, id) => ({ id, name: `row ${id}` })));
/** Window of 128 KB, neither size nor checksum. */
const FRAME = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 7 << 3];
/** Four bytes that stand for 128 KB of zeros. */
const ZEROS = [0x02, 0x00, 0x10, 0x00];
const zeros = (blocks: number) => {
  const body = Buffer.from([...FRAME, ...Array.from({ length: blocks }, () => ZEROS).flat()]);
  body[body.length - ZEROS.length]! |= 1;
  return body;
};
const damaged = Buffer.from(PACKED);
damaged[300]! ^= 0x10;
const wrongSum = Buffer.from(PACKED);
wrongSum[PACKED.length - 1]! ^= 1;
const SKIPPED = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]);

test("zstd is unpacked, though nobody is asked for it", async () => {
  let accepted: unknown;
  const base = await serve((request, response) => {
    accepted = request.headers["accept-encoding"];
    response.writeHead(200, { "Content-Encoding": "zstd" }).end(PACKED);
  });
  expect(await ask(base)).toBe(ROWS);
  expect(accepted).toBe("gzip, deflate, br");
});

test("zstd: several frames, frames to skip, bodies of many megabytes in turns with others", async () => {
  expect((await unzstd(Buffer.concat([PACKED, SKIPPED, PACKED]), 1e6)).toString()).toBe(ROWS + ROWS);
  expect(await unzstd(SKIPPED, 1e6)).toHaveLength(0);
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const whole = await unzstd(zeros(160), 20 * 1024 * 1024);
  clearInterval(timer);
  expect(whole.equals(Buffer.alloc(20 * 1024 * 1024))).toBe(true);
  expect(turns).toBeGreaterThan(2);
});

test.each<[string, Buffer]>([
  ["cut in its middle", PACKED.subarray(0, 400)],
  ["without its checksum", PACKED.subarray(0, -4)],
  ["of which only the head came", PACKED.subarray(0, 6)],
  ["with a changed byte", damaged],
  ["whose checksum is another", wrongSum],
  ["and something else after it", Buffer.concat([PACKED, Buffer.from("<html>")])],
  ["that is none", Buffer.from("<html></html>")],
  ["that wants a gigabyte of memory", Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0, 20 << 3, 9, 0, 0, 65])],
  ["with a block of no known kind", Buffer.from([...FRAME, 0x07, 0, 0])],
])("zstd: a body %s is refused whole", async (_, body) => {
  await expect(unpack(body, "zstd", "x")).rejects.toThrow(UnreadableAnswer);
});

test.each<[string, Buffer]>([
  ["zstd", PACKED.subarray(0, 400)],
  ["gzip", gzipSync(ROWS).subarray(0, 400)],
  ["deflate", deflateSync(ROWS).subarray(0, 400)],
  ["br", brotliCompressSync(ROWS).subarray(0, 100)],
])(
  "a body packed with %s that is cut is asked for again, then told; no part of it is taken",
  async (encoding, body) => {
    let requests = 0;
    const base = await serve((_, response) => {
      requests++;
      response.writeHead(200, { "Content-Encoding": encoding }).end(body);
    });
    const { code, message } = await failure(ask(base, { attempts: 2 }));
    expect([code, requests]).toEqual(["SOURCE_BAD_RESPONSE", 2]);
    expect(message).toContain(`it calls itself ${encoding}, and its body is not, or not the whole of one`);
  },
);

test("a few bytes that swell beyond the limit are refused before they fill the memory", async () => {
  await expect(unzstd(zeros(100), 12 * 1024 * 1024)).rejects.toMatchObject({ code: "ERR_BUFFER_TOO_LARGE" });
  const bomb = zeros(20_000);
  expect(bomb.length).toBeLessThan(100_000);
  const base = await serve((_, response) =>
    response.writeHead(200, { "Content-Encoding": "zstd" }).end(bomb),
  );
  const { code, message } = await failure(ask(base, { attempts: 5 }));
  expect([code, message]).toEqual(["SOURCE_BAD_RESPONSE", expect.stringContaining("larger than 256 MB")]);
});
