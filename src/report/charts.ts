/** Charts as plain SVG with numbers in their titles: stacked bars over time, and the gate's scores. Pure. */
import { count, moment, safe } from "./html";

export interface Bar {
  /** Below the bar where there is room. */
  label: string;
  /** All of it, for the title. */
  title: string;
  parts: { key: string; value: number }[];
  /** A word for what is wrong with it; drawn as a mark above. */
  flag?: string;
}

export interface BarsOptions {
  /** Order and colours of the parts. */
  keys: readonly string[];
  /** What a value is, for axis and titles. */
  text(value: number): string;
  /** For people who do not see it. */
  describes: string;
}

const WIDTH = 960;
const LEFT = 64;
const RIGHT = 40;
const TOP = 18;
const HEIGHT = 200;
const BELOW = 34;
const WIDEST_BAR = 44;
/** Colours of the style sheet: --c0 to --c7. */
export const COLOURS = 8;

export function bars(rows: readonly Bar[], options: BarsOptions): string {
  const total = (bar: Bar) => bar.parts.reduce((sum, part) => sum + part.value, 0);
  const scale = axis(Math.max(1e-9, ...rows.map(total)));
  const slot = (WIDTH - LEFT - RIGHT) / Math.max(1, rows.length);
  const width = Math.min(WIDEST_BAR, slot * 0.72);
  const y = (value: number) => TOP + HEIGHT * (1 - value / scale.top);
  const every = Math.ceil(96 / slot);
  const drawn = rows.map((bar, i) => {
    const x = LEFT + slot * i + (slot - width) / 2;
    let below = 0;
    const parts = bar.parts
      .filter(part => part.value > 0)
      .map(part => {
        const from = y(below + part.value);
        const height = Math.max(0.5, y(below) - from);
        below += part.value;
        const colour = options.keys.indexOf(part.key) % COLOURS;
        const title = `${bar.title}: ${part.key} ${options.text(part.value)}`;
        return `<rect class="c${colour}" x="${n(x)}" y="${n(from)}" width="${n(width)}" height="${n(height)}"><title>${safe(title)}</title></rect>`;
      });
    const flag =
      bar.flag === undefined
        ? ""
        : `<text class="flag" x="${n(x + width / 2)}" y="${n(y(below) - 4)}">✕<title>${safe(`${bar.title}: ${bar.flag}`)}</title></text>`;
    const label =
      (rows.length - 1 - i) % every === 0
        ? `<text class="x" x="${n(x + width / 2)}" y="${TOP + HEIGHT + 16}">${safe(bar.label)}</text>`
        : "";
    return parts.join("") + flag + label;
  });
  return `${svg(options.describes, grid(scale, y, options.text) + drawn.join(""))}${legend(options.keys)}`;
}

export interface Score {
  at: string;
  decision: string;
  score: number;
  title: string;
}

/** One mark per decision: its height is the score, its form and colour the decision. */
export function scores(rows: readonly Score[]): string {
  const slot = (WIDTH - LEFT - RIGHT) / Math.max(1, rows.length);
  const y = (value: number) => TOP + HEIGHT * (1 - value / 100);
  const x = (i: number) => LEFT + slot * (i + 0.5);
  const line = rows.map(({ score }, i) => `${i === 0 ? "M" : "L"}${n(x(i))} ${n(y(score))}`).join("");
  const every = Math.ceil(96 / slot);
  const marks = rows.map(({ decision, score, title, at }, i) => {
    const label =
      (rows.length - 1 - i) % every === 0
        ? `<text class="x" x="${n(x(i))}" y="${TOP + HEIGHT + 16}">${safe(moment(at).slice(5))}</text>`
        : "";
    return `<path class="d-${safe(decision)}" d="${mark(decision, x(i), y(score))}"><title>${safe(title)}</title></path>${label}`;
  });
  const scale = { top: 100, ticks: [0, 25, 50, 75, 100] };
  return svg(
    "Score and decision of the gate, run by run",
    `${grid(scale, y, String)}<path class="line" d="${line}"/>${marks.join("")}`,
  );
}

/** A circle promotes, a triangle is a review, a square blocks: told apart without colours too. */
function mark(decision: string, x: number, y: number): string {
  if (decision === "promote") return `M${n(x - 5)} ${n(y)}a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z`;
  if (decision === "review") return `M${n(x)} ${n(y - 6)}l6 11h-12z`;
  return `M${n(x - 5)} ${n(y - 5)}h10v10h-10z`;
}

interface Scale {
  top: number;
  ticks: number[];
}

/** Four to six round steps up to a round top. */
export function axis(greatest: number): Scale {
  const rough = greatest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map(factor => factor * power).find(size => size >= rough) ?? rough;
  const steps = Math.max(1, Math.ceil(greatest / step - 1e-9));
  return { top: steps * step, ticks: Array.from({ length: steps + 1 }, (_, i) => i * step) };
}

function grid(scale: Scale, y: (value: number) => number, text: (value: number) => string): string {
  return scale.ticks
    .map(
      tick =>
        `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${n(y(tick))}" y2="${n(y(tick))}"/>` +
        `<text class="y" x="${LEFT - 8}" y="${n(y(tick) + 4)}">${safe(text(tick))}</text>`,
    )
    .join("");
}

function svg(describes: string, content: string): string {
  return `<div class="scroll"><svg class="chart" viewBox="0 0 ${WIDTH} ${TOP + HEIGHT + BELOW}" role="img" aria-label="${safe(describes)}">${content}</svg></div>`;
}

function legend(keys: readonly string[]): string {
  const items = keys.map((key, i) => `<li><i class="c${i % COLOURS}"></i>${safe(key)}</li>`);
  return `<ul class="legend">${items.join("")}</ul>`;
}

/** At most `most` keys by their sum, the rest as one. */
export function foldKeys(
  rows: readonly { [key: string]: number }[],
  most: number,
): { keys: string[]; parts(row: { [key: string]: number }): { key: string; value: number }[] } {
  const sums = new Map<string, number>();
  for (const row of rows)
    for (const [key, value] of Object.entries(row)) sums.set(key, (sums.get(key) ?? 0) + value);
  const ranked = [...sums].sort((a, b) => b[1] - a[1]).map(([key]) => key);
  const kept = ranked.length <= most ? ranked : ranked.slice(0, most - 1);
  const rest = ranked.slice(kept.length);
  const other = `${rest.length} others`;
  return {
    keys: rest.length === 0 ? kept : [...kept, other],
    parts: row => {
      const folded = rest.reduce((sum, key) => sum + (row[key] ?? 0), 0);
      return [
        ...kept.map(key => ({ key, value: row[key] ?? 0 })),
        ...(folded > 0 ? [{ key: other, value: folded }] : []),
      ];
    },
  };
}

export const rowsText = (value: number): string =>
  value >= 10_000
    ? `${Number((value / 1000).toPrecision(3)).toLocaleString("en-US")}k`
    : count(Math.round(value * 100) / 100);

/** Short enough for an axis. */
export function secondsText(value: number): string {
  if (value === 0) return "0";
  if (value < 120) return `${Math.round(value * 100) / 100} s`;
  return value < 7200 ? `${Math.round(value / 6) / 10} min` : `${Math.round(value / 360) / 10} h`;
}

function n(value: number): string {
  return String(Math.round(value * 100) / 100);
}
