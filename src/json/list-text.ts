/**
 * Finds the list of rows in the text of a JSON document, and checks the whole text, without reading it into objects.
 * Measured on 84 MB of pages: 0.2 s, where reading and printing the rows took 1.4 s.
 */
import { isUtf8 } from "node:buffer";

export interface ListText {
  /** Places of its brackets. */
  start: number;
  end: number;
  /** Places of the commas between its rows. */
  commas: number[];
  rows: number;
}

const QUOTE = 34;
const BACKSLASH = 92;
const COMMA = 44;
const COLON = 58;
const POINT = 46;
const MINUS = 45;
const PLUS = 43;
const ZERO = 48;
const NINE = 57;
const OPEN_BRACE = 123;
const OPEN_BRACKET = 91;
const [LINE_FEED, RETURN, TAB, SPACE] = [10, 13, 9, 32];
const [TRUE, FALSE, NULL] = ["true", "false", "null"].map(word => Buffer.from(word));

/** Deeper documents are left to the reader, which knows how deep is too deep. */
const MAX_DEPTH = 500;
/** More digits may not fit into 64 bits. */
const MAX_DIGITS = 18;
/** A number of this many digits and an exponent of two is finite. */
const MAX_MANTISSA = 200;
const FAILED = -1;

/**
 * The list of objects at `keys` of a document, all of it valid JSON that a file may hold as it is.
 * @param keys from the document's own object on; none: the document is the list
 * @returns undefined: the document has to be read by `parseJson`. It may be no JSON, have another shape, or hold what
 *   needs care: numbers beyond 64 bits, NaN, halves of surrogate pairs, bytes that are no UTF-8
 */
export function findList(bytes: Buffer, keys: readonly string[]): ListText | undefined {
  return isUtf8(bytes) ? new ListFinder(bytes, keys).find() : undefined;
}

/**
 * Turns the list into JSON lines, in place: the document's text is gone then.
 * @returns the part of `bytes` that holds the lines, ended by a line feed
 */
export function toLines(bytes: Buffer, { start, end, commas }: ListText): Buffer {
  for (const feed of [LINE_FEED, RETURN]) {
    // Between values only: inside a text they would have to be escaped.
    for (let at = bytes.indexOf(feed, start); at >= 0 && at < end; at = bytes.indexOf(feed, at + 1))
      bytes[at] = SPACE;
  }
  for (const comma of commas) bytes[comma] = LINE_FEED;
  bytes[end] = LINE_FEED;
  return bytes.subarray(start + 1, end + 1);
}

class ListFinder {
  private readonly stack = new Uint8Array(MAX_DEPTH + 1);
  private depth = 0;
  private readonly quoted: Buffer[];
  /** How many keys lead to the value at hand, and the most that ever did. */
  private matched = 0;
  private reached = 0;
  /** Depth inside the list, once it was found. */
  private listDepth = Number.MAX_SAFE_INTEGER;
  private start = FAILED;
  private end = FAILED;
  private readonly commas: number[] = [];

  constructor(
    private readonly bytes: Buffer,
    private readonly keys: readonly string[],
  ) {
    this.quoted = keys.map(key => Buffer.from(JSON.stringify(key)));
  }

  find(): ListText | undefined {
    const { bytes, stack } = this;
    let at = space(bytes, 0);
    if (this.keys.length === 0 && !this.begin(at)) return undefined;
    for (;;) {
      // A value begins here.
      const first = bytes[at];
      if (first === OPEN_BRACE || first === OPEN_BRACKET) {
        if (this.depth >= MAX_DEPTH) return undefined;
        stack[++this.depth] = first;
        at = space(bytes, at + 1);
        // ASCII: the closing character of both comes two after the opening one.
        if (bytes[at] !== first + 2) {
          if (first === OPEN_BRACE) at = this.key(at);
          else if (this.depth === this.listDepth && bytes[at] !== OPEN_BRACE) return undefined;
          if (at < 0) return undefined;
          continue;
        }
      } else {
        at = scalar(bytes, at, first);
        if (at < 0) return undefined;
      }
      // A value has ended: close what ends with it, then go on to the next.
      for (;;) {
        at = space(bytes, at);
        if (this.depth === 0) return at === bytes.length ? this.found() : undefined;
        const open = stack[this.depth]!;
        if (bytes[at] === open + 2) {
          if (this.depth === this.listDepth && this.end < 0) this.end = at;
          this.depth--;
          if (this.matched > this.depth) this.matched = this.depth;
          at++;
          continue;
        }
        if (bytes[at] !== COMMA) return undefined;
        if (open === OPEN_BRACE) {
          at = this.key(space(bytes, at + 1));
          if (at < 0) return undefined;
        } else {
          const isBetweenRows = this.depth === this.listDepth && this.end < 0;
          if (isBetweenRows) this.commas.push(at);
          at = space(bytes, at + 1);
          if (isBetweenRows && bytes[at] !== OPEN_BRACE) return undefined;
        }
        break;
      }
    }
  }

  private found(): ListText | undefined {
    const { start, end, commas } = this;
    if (start < 0 || end < 0) return undefined;
    const isEmpty = space(this.bytes, start + 1) === end;
    return { start, end, commas, rows: isEmpty ? 0 : commas.length + 1 };
  }

  /** The list is the value at this place, unless there was one already or it is none. */
  private begin(at: number): boolean {
    if (this.start >= 0 || this.bytes[at] !== OPEN_BRACKET) return false;
    this.start = at;
    this.listDepth = this.depth + 1;
    return true;
  }

  /** Reads a key and its colon; returns the place of its value. */
  private key(at: number): number {
    const { bytes, depth } = this;
    if (bytes[at] !== QUOTE) return FAILED;
    const end = text(bytes, at + 1);
    if (end < 0) return FAILED;
    const colon = space(bytes, end);
    if (bytes[colon] !== COLON) return FAILED;
    const value = space(bytes, colon + 1);
    // On the way to the list, or at its end. An escaped key could be the one that is looked for.
    if (depth <= this.keys.length && this.matched >= depth - 1) {
      const isEscaped = bytes.subarray(at, end).includes(BACKSLASH);
      if (isEscaped) return FAILED;
      this.matched = depth - 1;
      if (this.quoted[depth - 1]!.equals(bytes.subarray(at, end))) {
        // Twice the same key: the later value counts.
        if (this.reached >= depth) return FAILED;
        this.reached = depth;
        if (depth === this.keys.length) {
          if (!this.begin(value)) return FAILED;
        } else if (bytes[value] !== OPEN_BRACE) return FAILED;
        this.matched = depth;
      }
    }
    return value;
  }
}

function space(bytes: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at]!;
    if (byte !== SPACE && byte !== LINE_FEED && byte !== RETURN && byte !== TAB) return at;
    at++;
  }
}

/** Place behind the closing quote of a text whose inside begins at `from`. */
function text(bytes: Buffer, from: number): number {
  let at = from;
  for (;;) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte === BACKSLASH) {
      at = escapeEnd(bytes, at + 1);
      if (at < 0) return FAILED;
    } else if (byte >= SPACE) at++;
    else return FAILED;
  }
}

const SIMPLE_ESCAPES = new Set(Buffer.from('"\\/bfnrt'));
const LETTER_U = 117;

/** `at`: behind the backslash. Returns the place behind the escape, both halves of a pair taken together. */
function escapeEnd(bytes: Buffer, at: number): number {
  const kind = bytes[at];
  if (kind !== LETTER_U) return kind !== undefined && SIMPLE_ESCAPES.has(kind) ? at + 1 : FAILED;
  const unit = hexUnit(bytes, at + 1);
  if (unit < 0xd800 || unit > 0xdfff) return unit < 0 ? FAILED : at + 5;
  if (unit > 0xdbff || bytes[at + 5] !== BACKSLASH || bytes[at + 6] !== LETTER_U) return FAILED;
  const second = hexUnit(bytes, at + 7);
  return second >= 0xdc00 && second <= 0xdfff ? at + 11 : FAILED;
}

function hexUnit(bytes: Buffer, at: number): number {
  let unit = 0;
  for (let i = at; i < at + 4; i++) {
    const byte = bytes[i] ?? 0;
    const letter = byte | 32;
    if (byte >= ZERO && byte <= NINE) unit = unit * 16 + byte - ZERO;
    else if (letter >= 97 && letter <= 102) unit = unit * 16 + letter - 87;
    else return FAILED;
  }
  return unit;
}

/** Place behind a text, number or word. */
function scalar(bytes: Buffer, at: number, first: number | undefined): number {
  if (first === QUOTE) return text(bytes, at + 1);
  if (first === MINUS || (first! >= ZERO && first! <= NINE)) return number(bytes, at);
  for (const word of [TRUE!, FALSE!, NULL!]) {
    if (first === word[0])
      return bytes.subarray(at, at + word.length).equals(word) ? at + word.length : FAILED;
  }
  return FAILED;
}

function number(bytes: Buffer, from: number): number {
  const first = bytes[from] === MINUS ? from + 1 : from;
  let at = digits(bytes, first);
  const whole = at - first;
  if (whole === 0 || (whole > 1 && bytes[first] === ZERO) || whole > MAX_MANTISSA) return FAILED;
  let isInteger = true;
  if (bytes[at] === POINT) {
    isInteger = false;
    const end = digits(bytes, at + 1);
    if (end === at + 1) return FAILED;
    at = end;
  }
  if ((bytes[at]! | 32) === 101) {
    isInteger = false;
    const exponent = bytes[at + 1] === PLUS || bytes[at + 1] === MINUS ? at + 2 : at + 1;
    at = digits(bytes, exponent);
    if (at === exponent || at - exponent > 2) return FAILED;
  }
  return isInteger && whole > MAX_DIGITS ? FAILED : at;
}

function digits(bytes: Buffer, from: number): number {
  let at = from;
  while (bytes[at]! >= ZERO && bytes[at]! <= NINE) at++;
  return at;
}
