import { cutText } from "./cut-text";

/** Longer names are no typos. */
const LONGEST_NAME = 200;

/**
 * The valid name nearest to a mistyped one, for messages such as `unknown key "paginater"; did you mean "paginator"?`.
 * Distance: optimal string alignment (insert, delete, replace, swap of neighbours), case-insensitive.
 * Returns undefined when nothing is near enough to be a likely typo (more than 40% of the letters differ).
 * A name of any length may come in; a long one is near to none.
 */
export function nearestName(name: string, valid: readonly string[]): string | undefined {
  if (name.length > LONGEST_NAME) return undefined;
  const wanted = name.toLowerCase();
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const candidate of valid) {
    const distance = editDistance(wanted, candidate.toLowerCase());
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  if (best === undefined) return undefined;
  return bestDistance <= Math.max(1, Math.floor(Math.max(wanted.length, best.length) * 0.4))
    ? best
    : undefined;
}

/** `unknown key "x"; did you mean "y"?`, or the list of valid names when none is near. */
export function unknownName(what: string, name: string, valid: readonly string[]): string {
  const near = nearestName(name, valid);
  const shown = cutText(name, LONGEST_NAME);
  return near === undefined
    ? `unknown ${what} "${shown}"; valid: ${[...valid].sort().join(", ")}`
    : `unknown ${what} "${shown}"; did you mean "${near}"?`;
}

function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      let cost = Math.min(row[j - 1]! + 1, last[j]! + 1, replace);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}
