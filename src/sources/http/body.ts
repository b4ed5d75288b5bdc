/** Bodies of responses: unpacking, character sets, JSON. */
import { promisify } from "node:util";
import { brotliDecompress, gunzip, inflate, inflateRaw } from "node:zlib";
import { parseJson } from "../../json/parse";
import type { Value } from "../../json/values";

const unzippers: { [encoding: string]: (body: Buffer) => Promise<Buffer> } = {
  gzip: promisify<Buffer, Buffer>(gunzip),
  "x-gzip": promisify<Buffer, Buffer>(gunzip),
  br: promisify<Buffer, Buffer>(brotliDecompress),
  // Servers send zlib streams under this name, and some raw ones.
  deflate: body =>
    promisify<Buffer, Buffer>(inflate)(body).catch(() => promisify<Buffer, Buffer>(inflateRaw)(body)),
};

export const ACCEPT_ENCODING = "gzip, deflate, br";

/** Unknown encodings are left alone, as in requests. @throws Error when the packed body is broken */
export async function unpack(body: Buffer, contentEncoding: string | undefined): Promise<Buffer> {
  const encodings = (contentEncoding ?? "").split(",").map(one => one.trim().toLowerCase());
  let result = body;
  for (const encoding of encodings.reverse()) {
    if (encoding === "" || encoding === "identity" || result.length === 0) continue;
    const unzip = unzippers[encoding];
    if (unzip !== undefined) result = await unzip(result);
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

/** undefined: UTF-8. */
function charsetOf(body: Buffer, contentType: string | undefined): string | undefined {
  if (body.length >= 2 && body[0] === 0xff && body[1] === 0xfe) return "utf-16le";
  if (body.length >= 2 && body[0] === 0xfe && body[1] === 0xff) return "utf-16be";
  const named = /charset\s*=\s*"?([^\s";]+)/i.exec(contentType ?? "")?.[1]?.toLowerCase();
  if (named === undefined || named === "utf-8" || named === "utf8") return undefined;
  try {
    return new TextDecoder(named).encoding;
  } catch {
    return undefined;
  }
}
