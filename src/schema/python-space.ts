/** White space as Python's str.strip and str.isspace see it; JavaScript's trim differs in a few characters. */
const SPACE = "\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000";
const EDGES = new RegExp(`^[${SPACE}]+|[${SPACE}]+$`, "g");
const ONLY = new RegExp(`^[${SPACE}]*$`);

export function pythonStrip(text: string): string {
  return text.replace(EDGES, "");
}

/** True for the empty text too. */
export function isBlank(text: string): boolean {
  return ONLY.test(text);
}
