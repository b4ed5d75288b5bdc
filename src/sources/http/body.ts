/** Bodies of responses: unpacking, character sets, JSON. */
import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { parseJson } from "../../json/parse";
import type { Value } from "../../json/values";
import { TidemarkError } from "../../pipeline/errors";
import { charsetOf, decode } from "./charset";
import { UnreadableAnswer } from "./unreadable-answer";
import { unzstd } from "./zstd";

/** A page is held whole: JSON of this size takes about 1 GB, and a text of twice this size cannot be made at all. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;
/** No more than this is kept from body to body, or taken because a Content-Length says so. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;
const ZIP = { maxOutputLength: MAX_BODY_BYTES };

type Unzip = (body: Buffer) => Promise<Buffer>;
const unzip =
  (method: (body: Buffer, options: zlib.ZlibOptions, done: zlib.CompressCallback) => void): Unzip =>
  body =>
    promisify(method)(body, ZIP);

const unzippers: { [encoding: string]: Unzip } = {
  gzip: unzip(zlib.gunzip),
  "x-gzip": unzip(zlib.gunzip),
  br: unzip(zlib.brotliDecompress),
  // Servers send zlib streams under this name, and some raw ones.
  deflate: body => unzip(zlib.inflate)(body).catch(() => unzip(zlib.inflateRaw)(body)),
  zstd: body => unzstd(body, MAX_BODY_BYTES),
};

/** zstd is never asked for; servers that send it all the same are read. */
export const ACCEPT_ENCODING = "gzip, deflate, br";

function tooLarge(what: string): TidemarkError {
  return new TidemarkError(
    "SOURCE_BAD_RESPONSE",
    `${what}: the response is larger than ${MAX_BODY_BYTES / 1024 / 1024} MB. Ask for smaller pages (a limit, or a paginator).`,
  );
}

/**
 * Reads bodies one after the other into the same memory: each is valid until the next is read. A fresh buffer per page
 * is garbage that waits for the collector (measured: 60 MB more at the peak of 100 pages of 0.8 MB).
 */
export class BodyReader {
  private room = Buffer.alloc(0);

  /**
   * @param announced the Content-Length, if there is one
   * @throws TidemarkError SOURCE_BAD_RESPONSE as soon as the body is known to be too large
   */
  async readAll(body: AsyncIterable<Buffer>, announced: string | undefined, what: string): Promise<Buffer> {
    let whole = this.room;
    const expected = Math.min(Number(announced ?? 0), MAX_KEPT_BYTES);
    if (expected > whole.length) whole = Buffer.allocUnsafe(expected);
    let bytes = 0;
    for await (const chunk of body) {
      const end = bytes + chunk.length;
      if (end > MAX_BODY_BYTES) throw tooLarge(what);
      if (end > whole.length) {
        const larger = Buffer.allocUnsafe(Math.min(MAX_BODY_BYTES, Math.max(end, whole.length * 2)));
        whole.copy(larger, 0, 0, bytes);
        whole = larger;
      }
      chunk.copy(whole, bytes);
      bytes = end;
    }
    if (whole.length <= MAX_KEPT_BYTES) this.room = whole;
    return whole.subarray(0, bytes);
  }
}

/**
 * Unknown encodings are left alone, as in requests.
 * @throws UnreadableAnswer when the packed body is broken; TidemarkError SOURCE_BAD_RESPONSE when it is too large
 *   unpacked
 */
export async function unpack(
  body: Buffer,
  contentEncoding: string | undefined,
  what: string,
): Promise<Buffer> {
  const encodings = (contentEncoding ?? "").split(",").map(one => one.trim().toLowerCase());
  let result = body;
  for (const encoding of encodings.reverse()) {
    if (encoding === "" || encoding === "identity" || result.length === 0) continue;
    const unzip = unzippers[encoding];
    if (unzip === undefined) continue;
    try {
      result = await unzip(result);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(what);
      throw new UnreadableAnswer(`it calls itself ${encoding}, and its body is not, or not the whole of one`);
    }
  }
  return result;
}

/** JSON of a body. @throws TidemarkError HTTP_BAD_JSON, ROW_NOT_STORABLE */
export function readJson(body: Buffer, contentType: string | undefined): Value {
  return parseJson(textOf(body, contentType));
}

/** The body's text, by its character set. */
export function textOf(body: Buffer, contentType: string | undefined): string {
  return decode(body, charsetOf(body, contentType));
}

/** Whether the body's bytes are UTF-8 as they stand. */
export function isUtf8Body(body: Buffer, contentType: string | undefined): boolean {
  return charsetOf(body, contentType) === undefined;
}
