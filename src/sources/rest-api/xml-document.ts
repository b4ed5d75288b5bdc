/**
 * XML as a document of objects and texts: an element with nothing but text is that text, an empty one null; attributes
 * and children are keys, several children of one name a list. Texts beside attributes or children stand under `value`.
 * Entities that a document declares itself are refused: they can make a text of any size out of a short one.
 */
import type { Value } from "../../json/values";
import { TidemarkError } from "../../pipeline/errors";

const MAX_DEPTH = 200;
const NAME = /[^\s/>=<"'&]+/y;
const SPACE = /\s*/y;
const ENTITIES: { [name: string]: string } = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

/** @returns `{ root: … }` @throws TidemarkError SOURCE_BAD_RESPONSE that tells the place, never the text */
export function readXml(text: string): Value {
  return new XmlReader(text).document();
}

class Element {
  readonly children = new Map<string, Value[]>();
  readonly attributes = new Map<string, string>();
  text = "";

  constructor(readonly name: string) {}

  value(): Value {
    const text = this.text.trim();
    if (this.children.size === 0 && this.attributes.size === 0) return text === "" ? null : text;
    const entries: [string, Value][] = [];
    const taken = (name: string) => this.children.has(name) || (name === "value" && text !== "");
    for (const [name, value] of this.attributes)
      entries.push([taken(name) ? `${name}_attribute` : name, value]);
    for (const [name, values] of this.children)
      entries.push([name, values.length === 1 ? values[0]! : values]);
    if (text !== "") entries.push([this.children.has("value") ? "value_text" : "value", text]);
    return Object.fromEntries(entries);
  }
}

class XmlReader {
  private at = 0;

  constructor(private readonly text: string) {}

  document(): Value {
    const open: Element[] = [];
    for (;;) {
      const from = this.at;
      const next = this.text.indexOf("<", from);
      const between = this.text.slice(from, next < 0 ? undefined : next);
      const top = open.at(-1);
      if (top !== undefined) top.text += this.unescaped(between);
      else if (between.trim() !== "") throw this.refused("text stands outside of the document");
      if (next < 0) throw this.refused("it ends before its last element does");
      this.at = next;
      if (this.skip("<!--", "-->") || this.skip("<?", "?>")) continue;
      if (this.text.startsWith("<![CDATA[", this.at)) {
        const end = this.find("]]>");
        if (top === undefined) throw this.refused("text stands outside of the document");
        top.text += this.text.slice(this.at + 9, end);
        this.at = end + 3;
      } else if (this.text.startsWith("<!", this.at)) {
        const end = this.find(">");
        if (this.text.slice(this.at, end).includes("["))
          throw this.refused("it declares entities of its own, which are not read");
        this.at = end + 1;
      } else if (this.text.startsWith("</", this.at)) {
        this.at += 2;
        const closed = open.pop();
        if (closed === undefined || this.name() !== closed.name)
          throw this.refused("an element ends that did not begin");
        this.space();
        this.expect(">");
        const root = this.close(closed, open.at(-1));
        if (root !== undefined) return root;
      } else {
        this.at++;
        const element = this.begin();
        if (open.length >= MAX_DEPTH) throw this.refused(`it is nested deeper than ${MAX_DEPTH}`);
        if (this.text.startsWith("/>", this.at)) {
          this.at += 2;
          const root = this.close(element, top);
          if (root !== undefined) return root;
        } else {
          this.expect(">");
          open.push(element);
        }
      }
    }
  }

  private close(element: Element, parent: Element | undefined): Value | undefined {
    if (parent === undefined) return Object.fromEntries([[element.name, element.value()]]);
    const values = parent.children.get(element.name) ?? [];
    parent.children.set(element.name, values);
    values.push(element.value());
    return undefined;
  }

  private begin(): Element {
    const element = new Element(this.name());
    for (;;) {
      this.space();
      const char = this.text[this.at];
      if (char === ">" || char === "/") return element;
      const name = this.name();
      this.space();
      this.expect("=");
      this.space();
      const quote = this.text[this.at];
      if (quote !== '"' && quote !== "'") throw this.refused("an attribute has no quoted value");
      const end = this.text.indexOf(quote, this.at + 1);
      if (end < 0) throw this.refused("an attribute has no end");
      element.attributes.set(name, this.unescaped(this.text.slice(this.at + 1, end)));
      this.at = end + 1;
    }
  }

  private unescaped(text: string): string {
    if (!text.includes("&")) return text;
    return text.replace(/&([^;]{0,12});?/g, (_, name: string) => {
      const code = /^#(?:x([0-9a-f]+)|(\d+))$/i.exec(name);
      const point = code && Number.parseInt(code[1] ?? code[2]!, code[1] === undefined ? 10 : 16);
      if (point !== null && point <= 0x10ffff && (point < 0xd800 || point > 0xdfff))
        return String.fromCodePoint(point);
      if (Object.hasOwn(ENTITIES, name)) return ENTITIES[name]!;
      throw this.refused("it has an entity that XML does not know");
    });
  }

  private skip(open: string, close: string): boolean {
    if (!this.text.startsWith(open, this.at)) return false;
    this.at = this.find(close) + close.length;
    return true;
  }

  private find(end: string): number {
    const at = this.text.indexOf(end, this.at);
    if (at < 0) throw this.refused("it ends too early");
    return at;
  }

  private name(): string {
    NAME.lastIndex = this.at;
    const name = NAME.exec(this.text)?.[0];
    if (name === undefined) throw this.refused("a name is missing");
    this.at += name.length;
    return name;
  }

  private space(): void {
    SPACE.lastIndex = this.at;
    this.at += SPACE.exec(this.text)![0].length;
  }

  private expect(char: string): void {
    if (this.text[this.at] !== char) throw this.refused(`"${char}" is missing`);
    this.at++;
  }

  private refused(why: string): TidemarkError {
    return new TidemarkError(
      "SOURCE_BAD_RESPONSE",
      `the answer is no XML that can be read: at character ${this.at}, ${why}`,
    );
  }
}
