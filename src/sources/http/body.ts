/** Bodies of responses: unpacking, character sets, JSON. */
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, inflateRaw } from "node:zlib";
import { parseJson } from "../../json/parse";
import type { Value } from "../../json/values";
import { TidemarkError } from "../../pipeline/errors";

/** A page is held whole: JSON of this size takes about 1 GB, and a text of twice this size cannot be made at all. */
const MAX_BODY_BYTES = 256 * 1024 * 1024;
/** No more than this is kept from body to body, or taken because a Content-Length says so. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;
const ZIP = { maxOutputLength: MAX_BODY_BYTES };

const unzippers: { [encoding: string]: (body: Buffer) => Promise<Buffer> } = {
  gzip: body => promisify(gunzip)(body, ZIP),
  "x-gzip": body => promisify(gunzip)(body, ZIP),
  br: body => promisify(brotliDecompress)(body, ZIP),
  // Servers send zlib streams under this name, and some raw ones.
  deflate: body => promisify(inflate)(body, ZIP).catch(() => promisify(inflateRaw)(body, ZIP)),
};

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
 * @throws Error when the packed body is broken; TidemarkError SOURCE_BAD_RESPONSE when it is too large unpacked
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
      throw (error as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE" ? tooLarge(what) : error;
    }
  }
  return result;
}

/**
 * JSON of a body. UTF-8 unless the content type or a byte order mark says otherwise; bytes that are not UTF-8
 * become U+FFFD, as in dlt (requests decodes with `errors="replace"`).
 * @throws TidemarkError HTTP_BAD_JSON, ROW_NOT_STORABLE
 */
export function readJson(body: Buffer, contentType: string | undefined): Value {
  const charset = charsetOf(body, contentType);
  if (charset === undefined) {
    const withMark = body.length >= 3 && body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
    return parseJson(withMark ? body.subarray(3) : body);
  }
  return parseJson(new TextDecoder(charset).decode(body));
}

/** Whether `readJson` takes the body for UTF-8. */
export function isUtf8Body(body: Buffer, contentType: string | undefined): boolean {
  return charsetOf(body, contentType) === undefined;
}

/** undefined: UTF-8. */
function charsetOf(body: Buffer, contentType: string | undefined): string | undefined {
  if (body.length >= 2 && body[0] === 0xff && body[1] === 0xfe) return "utf-16le";
  if (body.length >= 2 && body[0] === 0xfe && body[1] === 0xff) return "utf-16be";
  const named = /charset\s*=\s*"?([^\s";]+)/i.exec(contentType ?? "")?.[1]?.toLowerCase();
  if (named === undefined || named === "utf-8" || named === "utf8") return undefined;
  try {
    // Python writes the name with a dash.
    return new TextDecoder(named.replace(/^latin-/, "latin")).encoding;
  } catch {
    return undefined;
  }
}
