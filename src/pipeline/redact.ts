/** Secrets in texts that people read: which texts to hide, and hiding them. Pure. */
import type { Json } from "./spec";

/** Texts worth hiding: 4 characters and more, so that redaction never eats ordinary words such as "id". */
export function collectTexts(value: Json, into: string[]): void {
  if (typeof value === "string") {
    if (value.length >= 4) into.push(value);
    const password = /^[a-z0-9+]+:\/\/[^:/@]*:([^@]+)@/i.exec(value)?.[1];
    if (password) into.push(password, decodeURIComponentSafe(password));
  } else if (value !== null && typeof value === "object") {
    for (const inner of Object.values(value)) collectTexts(inner as Json, into);
  }
}

function decodeURIComponentSafe(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Replaces every secret in a text by `***`, longest first. */
export function redact(text: string, secrets: readonly string[]): string {
  let result = text;
  for (const secret of [...new Set(secrets)].sort((a, b) => b.length - a.length)) {
    if (secret.length >= 4) result = result.split(secret).join("***");
  }
  return result;
}
