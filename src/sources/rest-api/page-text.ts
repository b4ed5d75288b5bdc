/** A page whose rows stay text: what is around them can be read, and they themselves when somebody asks for them. */
import { findList, type ListText, toLines } from "../../json/list-text";
import { parseJson } from "../../json/parse";
import type { Value } from "../../json/values";
import { isUtf8Body } from "../http/body";
import type { RowText } from "../source";

const EMPTY_LIST = Buffer.from("[]");

export class PageText {
  private around: Value | undefined;

  private constructor(
    private readonly bytes: Buffer,
    private readonly list: ListText,
    private readonly keys: readonly string[],
  ) {}

  /** @returns undefined when the page has to be read as a whole */
  static of(bytes: Buffer, contentType: string | undefined, keys: readonly string[]): PageText | undefined {
    const list = isUtf8Body(bytes, contentType) ? findList(bytes, keys) : undefined;
    return list && new PageText(bytes, list, keys);
  }

  get rows(): number {
    return this.list.rows;
  }

  /** The document. Its rows are read when they are looked at: paginators rarely do. */
  get body(): Value {
    this.around ??= this.read();
    return this.around;
  }

  private read(): Value {
    const { bytes, keys } = this;
    const { start, end } = this.list;
    const last = keys.at(-1);
    if (last === undefined) return parseJson(bytes);
    const around = parseJson(Buffer.concat([bytes.subarray(0, start), EMPTY_LIST, bytes.subarray(end + 1)]));
    let holder = around as { [key: string]: Value };
    for (const key of keys.slice(0, -1)) holder = holder[key] as typeof holder;
    let rows: Value | undefined;
    Object.defineProperty(holder, last, {
      enumerable: true,
      configurable: true,
      get: () => {
        rows ??= parseJson(bytes.subarray(start, end + 1));
        return rows;
      },
    });
    return around;
  }

  /** The rows. Nothing else can be read from this page any more. */
  take(): RowText {
    return { lines: toLines(this.bytes, this.list), rows: this.rows };
  }
}
