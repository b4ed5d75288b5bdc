/** Text into HTML and SVG: everything that comes from outside passes through here. */
const ESCAPES: { [character: string]: string } = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function safe(text: unknown): string {
  return String(text).replace(/[&<>"']/g, character => ESCAPES[character] as string);
}

/** Rows of cells; a cell is escaped unless it is `{ html }`. The columns in `numbers` are right-aligned. */
export function table(
  head: readonly string[],
  rows: readonly (readonly (string | number | { html: string })[])[],
  numbers: readonly number[] = [],
): string {
  const cell = (tag: string, content: string | number | { html: string }, i: number) =>
    `<${tag}${numbers.includes(i) ? ' class="n"' : ""}>${typeof content === "object" ? content.html : safe(content)}</${tag}>`;
  const line = (tag: string, cells: readonly (string | number | { html: string })[]) =>
    `<tr>${cells.map((content, i) => cell(tag, content, i)).join("")}</tr>`;
  return `<div class="scroll"><table><thead>${line("th", head)}</thead><tbody>${rows.map(row => line("td", row)).join("")}</tbody></table></div>`;
}

export function count(n: number): string {
  return n.toLocaleString("en-US");
}

/** "2.4 s", "3 min 20 s", "2 h 5 min" */
export function duration(seconds: number): string {
  if (seconds < 60) return `${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** "2026-01-31 06:00" in UTC. */
export function moment(iso: string): string {
  return iso.slice(0, 16).replace("T", " ");
}

/** "3 minutes", "5 hours", "12 days" */
export function ago(iso: string, now: string): string {
  const minutes = Math.max(0, (Date.parse(now) - Date.parse(iso)) / 60_000);
  if (Number.isNaN(minutes)) return "?";
  const told = (n: number, unit: string) => `${n} ${unit}${n === 1 ? "" : "s"}`;
  if (minutes < 120) return told(Math.round(minutes), "minute");
  return minutes < 48 * 60 ? told(Math.round(minutes / 60), "hour") : told(Math.round(minutes / 1440), "day");
}
