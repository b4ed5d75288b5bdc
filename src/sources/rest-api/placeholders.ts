/**
 * `{…}` placeholders in paths, params, headers, bodies: Python's `str.format` as far as dlt's REST configs use it.
 * `{{` and `}}` are literal braces. A name is looked up as it stands (dlt: DirectKeyFormatter).
 */

import { isObject } from "../../json/jsonpath";
import type { Value } from "../../json/values";
import { pythonText } from "../http/python-repr";

export class PlaceholderError extends Error {}

/** A template's parts: literal texts and names in turn. */
export type Template = { literal: string; name?: string }[];

/** @throws PlaceholderError on single braces, empty names, conversions and format specs */
export function parseTemplate(text: string): Template {
  const parts: Template = [];
  let literal = "";
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!;
    if (char !== "{" && char !== "}") {
      literal += char;
    } else if (text[at + 1] === char) {
      literal += char;
      at++;
    } else {
      const end = text.indexOf("}", at);
      if (char === "}" || end < 0)
        throw new PlaceholderError(`a single "${char}" must be written "${char}${char}"`);
      const name = text.slice(at + 1, end);
      if (name === "") throw new PlaceholderError('"{}" names nothing; literal braces are written "{{}}"');
      if (/[{!:]/.test(name)) {
        throw new PlaceholderError(
          `"{${name}}" is not supported: only a plain name may stand between the braces`,
        );
      }
      parts.push({ literal, name });
      literal = "";
      at = end;
    }
  }
  if (literal !== "" || parts.length === 0) parts.push({ literal });
  return parts;
}

/** All names in a text, dict (keys too) or list. @throws PlaceholderError */
export function namesIn(value: Value | undefined): Set<string> {
  const names = new Set<string>();
  const walk = (one: Value | undefined): void => {
    if (typeof one === "string") {
      for (const part of parseTemplate(one)) if (part.name !== undefined) names.add(part.name);
    } else if (Array.isArray(one)) one.forEach(walk);
    else if (isObject(one)) {
      for (const [key, inner] of Object.entries(one)) {
        walk(key);
        walk(inner);
      }
    }
  };
  walk(value);
  return names;
}

/** Values by placeholder name. */
export type Values = ReadonlyMap<string, Value>;

/**
 * Fills in placeholders at every depth, keys included.
 * @param keepType a text that is one placeholder and nothing else becomes the value itself (dlt: in `json`)
 */
export function expand(value: Value, values: Values, keepType = false): Value {
  if (typeof value === "string") {
    if (!value.includes("{") && !value.includes("}")) return value;
    const template = parseTemplate(value);
    const only = template.length === 1 ? template[0]! : undefined;
    if (keepType && only?.name !== undefined && only.literal === "") return lookUp(only.name, values);
    return template
      .map(part => part.literal + (part.name === undefined ? "" : pythonText(lookUp(part.name, values))))
      .join("");
  }
  if (Array.isArray(value)) return value.map(one => expand(one, values, keepType));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => [
      pythonText(expand(key, values)),
      expand(one, values, keepType),
    ]),
  );
}

function lookUp(name: string, values: Values): Value {
  const value = values.get(name);
  if (value === undefined) throw new PlaceholderError(`there is no value for {${name}}`);
  return value;
}
