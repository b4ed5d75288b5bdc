/** The exact JSON reader: slower than JSON.parse, used only for texts that `needsCare` picks out. */
import { TidemarkError } from "../pipeline/errors";
import { rememberKeyOrder } from "./key-order";
import type { Row, Value } from "./values";
import { WholeFloat } from "./values";

const NUMBER = /-?(?:0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?/y;
const SPECIAL = /-?Infinity|NaN/y;
const STRING_END = /["\\]/g;
/** Deep enough for anything real; dlt itself stops at 254 when it writes a row. */
const MAX_DEPTH = 1_000;

export class ExactReader {
  private at = 0;

  constructor(private readonly text: string) {}

  /** @throws TidemarkError HTTP_BAD_JSON, ROW_NOT_STORABLE */
  document(): Value {
    const value = this.value(0);
    this.space();
    if (this.at < this.text.length) throw this.bad();
    return value;
  }

  private bad(): TidemarkError {
    return new TidemarkError(
      "HTTP_BAD_JSON",
      `The text is not valid JSON (at character ${this.at} of ${this.text.length} characters).`,
    );
  }

  private space(): void {
    for (;;) {
      const code = this.text.charCodeAt(this.at);
      if (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) this.at++;
      else return;
    }
  }

  private value(depth: number): Value {
    this.space();
    switch (this.text.charCodeAt(this.at)) {
      case 0x22:
        return this.string();
      case 0x7b:
        return this.object(depth + 1);
      case 0x5b:
        return this.array(depth + 1);
      case 0x74:
        return this.word("true", true);
      case 0x66:
        return this.word("false", false);
      case 0x6e:
        return this.word("null", null);
      default:
        return this.number();
    }
  }

  private word(word: string, value: boolean | null): Value {
    if (!this.text.startsWith(word, this.at)) throw this.bad();
    this.at += word.length;
    return value;
  }

  private number(): Value {
    NUMBER.lastIndex = this.at;
    const match = NUMBER.exec(this.text);
    if (match === null) {
      SPECIAL.lastIndex = this.at;
      const special = SPECIAL.exec(this.text)?.[0];
      if (special === undefined) throw this.bad();
      this.at += special.length;
      return Number(special);
    }
    const token = match[0];
    this.at += token.length;
    const value = Number(token);
    if (match[1] !== undefined || match[2] !== undefined) {
      return Number.isInteger(value) ? new WholeFloat(value) : value;
    }
    return Number.isSafeInteger(value) ? value + 0 : BigInt(token);
  }

  private string(): string {
    const start = this.at++;
    let escaped = false;
    for (;;) {
      STRING_END.lastIndex = this.at;
      const hit = STRING_END.exec(this.text);
      if (hit === null) throw this.bad();
      if (hit[0] === '"') {
        this.at = hit.index + 1;
        break;
      }
      escaped = true;
      this.at = hit.index + 2;
    }
    const raw = this.text.slice(start, this.at);
    try {
      return escaped || hasControl(raw) ? (JSON.parse(raw) as string) : raw.slice(1, -1);
    } catch {
      this.at = start;
      throw this.bad();
    }
  }

  private array(depth: number): Value[] {
    this.checkDepth(depth);
    this.at++;
    const list: Value[] = [];
    this.space();
    if (this.text[this.at] === "]") {
      this.at++;
      return list;
    }
    for (;;) {
      list.push(this.value(depth));
      this.space();
      const next = this.text[this.at++];
      if (next === "]") return list;
      if (next !== ",") {
        this.at--;
        throw this.bad();
      }
    }
  }

  private object(depth: number): Row {
    this.checkDepth(depth);
    this.at++;
    const object: Row = {};
    const keys: string[] = [];
    let integerLike = false;
    this.space();
    if (this.text[this.at] === "}") {
      this.at++;
      return object;
    }
    for (;;) {
      this.space();
      if (this.text[this.at] !== '"') throw this.bad();
      const key = this.string();
      this.space();
      if (this.text[this.at] !== ":") throw this.bad();
      this.at++;
      const value = this.value(depth);
      const code = key.charCodeAt(0);
      if (code >= 0x30 && code <= 0x39) integerLike = true;
      keys.push(key);
      if (key === "__proto__") {
        Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
      } else object[key] = value;
      this.space();
      const next = this.text[this.at++];
      if (next === "}") break;
      if (next !== ",") {
        this.at--;
        throw this.bad();
      }
    }
    if (integerLike) rememberKeyOrder(object, [...new Set(keys)]);
    return object;
  }

  private checkDepth(depth: number): void {
    if (depth > MAX_DEPTH) {
      throw new TidemarkError(
        "ROW_NOT_STORABLE",
        `A JSON document is nested deeper than ${MAX_DEPTH} levels. Flatten it at the source, or select a part of it.`,
      );
    }
  }
}

function hasControl(raw: string): boolean {
  for (let i = 0; i < raw.length; i++) if (raw.charCodeAt(i) < 0x20) return true;
  return false;
}
