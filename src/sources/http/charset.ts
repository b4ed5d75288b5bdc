/**
 * The character set of a body: a byte order mark, else what the answer names, else UTF-8 or what the first four bytes
 * of a JSON text tell (requests: `guess_json_utf`). Bytes that do not fit become U+FFFD, as in dlt.
 */

/** windows-1252 from 0x80 to 0x9f. Node 20's decoder of that name reads Latin-1. */
const WINDOWS_1252 = "€\ufffd‚ƒ„…†‡ˆ‰Š‹Œ\ufffdŽ\ufffd\ufffd‘’“”•–—˜™š›œ\ufffdžŸ";

/** Python's names for what the web calls otherwise. */
const NAMES: { [python: string]: string } = {
  utf8: "utf-8",
  utf_8: "utf-8",
  "utf-8-sig": "utf-8",
  "utf8-sig": "utf-8",
  u8: "utf-8",
  ascii: "utf-8",
  "us-ascii": "utf-8",
  utf16: "utf-16",
  "utf-16-le": "utf-16le",
  "utf-16-be": "utf-16be",
  utf32: "utf-32",
  "latin-1": "iso-8859-1",
  latin1: "iso-8859-1",
  latin_1: "iso-8859-1",
  l1: "iso-8859-1",
  "iso8859-1": "iso-8859-1",
  "iso_8859-1": "iso-8859-1",
  cp1252: "windows-1252",
  "x-cp1252": "windows-1252",
};

/** undefined: UTF-8, as almost always; a mark may stand before it. */
export function charsetOf(body: Buffer, contentType: string | undefined): string | undefined {
  const marked = markOf(body);
  if (marked !== undefined) return marked === "utf-8" ? undefined : marked;
  const named = /charset\s*=\s*["']?([^\s"';]+)/i.exec(contentType ?? "")?.[1]?.toLowerCase();
  const name = named === undefined ? guessed(body) : (NAMES[named] ?? named);
  if (name === "utf-8" || name === undefined) return undefined;
  if (name === "utf-16") return "utf-16le";
  if (name === "utf-32") return "utf-32le";
  if (OWN[name] !== undefined) return name;
  try {
    return new TextDecoder(name).encoding;
  } catch {
    // What nobody knows is read as UTF-8, as requests does.
    return undefined;
  }
}

export function decode(body: Buffer, charset: string | undefined): string {
  if (charset === undefined) return body.toString("utf8", markOf(body) === "utf-8" ? 3 : 0);
  const own = OWN[charset];
  return own === undefined ? new TextDecoder(charset).decode(body) : own(body);
}

/** A byte order mark. */
function markOf(body: Buffer): string | undefined {
  const [a, b, c, d] = body;
  if (a === 0xef && b === 0xbb && c === 0xbf) return "utf-8";
  if (a === 0xff && b === 0xfe) return c === 0 && d === 0 ? "utf-32le" : "utf-16le";
  if (a === 0xfe && b === 0xff) return "utf-16be";
  if (a === 0 && b === 0 && c === 0xfe && d === 0xff) return "utf-32be";
  return undefined;
}

/** JSON begins with two characters of ASCII. */
function guessed(body: Buffer): string | undefined {
  if (body.length < 4) return undefined;
  const zeros = [0, 1, 2, 3].map(i => (body[i] === 0 ? "0" : "x")).join("");
  return { "0x0x": "utf-16be", x0x0: "utf-16le", "000x": "utf-32be", x000: "utf-32le" }[zeros];
}

const OWN: { [charset: string]: (body: Buffer) => string } = {
  "iso-8859-1": body => body.toString("latin1"),
  "windows-1252": body =>
    body.toString("latin1").replace(/[\x80-\x9f]/g, char => WINDOWS_1252[char.charCodeAt(0) - 0x80]!),
  "utf-32le": body => utf32(body, at => body.readUInt32LE(at)),
  "utf-32be": body => utf32(body, at => body.readUInt32BE(at)),
};

function utf32(body: Buffer, read: (at: number) => number): string {
  let text = "";
  for (let at = 0; at + 4 <= body.length; at += 4) {
    const code = read(at);
    if (code === 0xfeff && at === 0) continue;
    const isCharacter = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    text += isCharacter ? String.fromCodePoint(code) : "\ufffd";
  }
  return body.length % 4 === 0 ? text : `${text}\ufffd`;
}
