/**
 * RFC 8288 `Link` header as `requests` reads it: rel (or, without one, the URL) -> URL; a later link of the same
 * rel wins.
 */
export function parseLinks(header: string | undefined): Map<string, string> {
  const links = new Map<string, string>();
  const trimmed = strip(header ?? "", " '\"");
  if (trimmed === "") return links;
  for (const part of trimmed.split(/, *</)) {
    const [url = "", ...params] = part.split(";");
    const target = strip(url, "<> '\"");
    let rel = "";
    for (const param of params) {
      const pieces = param.split("=");
      if (pieces.length !== 2) break;
      if (strip(pieces[0]!, " '\"") === "rel") rel = strip(pieces[1]!, " '\"");
    }
    links.set(rel || target, target);
  }
  return links;
}

function strip(text: string, chars: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && chars.includes(text[start]!)) start++;
  while (end > start && chars.includes(text[end - 1]!)) end--;
  return text.slice(start, end);
}
