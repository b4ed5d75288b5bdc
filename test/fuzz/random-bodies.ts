/** Random documents of nasty parts, and good documents with random bytes changed: the same for the same seed. */
/** Without dlt's own column names: those have bodies of their own. */
const PIECES = [
  "",
  " ",
  "a",
  "A b",
  "a_b",
  "__proto__",
  "\u0000",
  "\u{1f600}",
  "\ud800",
  "x".repeat(300),
  "2026-01-01",
  "2026-01-01T00:00:00Z",
  "12:00:00",
  "true",
  "1",
  "1.5",
  "NaN",
  '"; --',
  "\u00e4\u0308",
  "_",
  "v__v_text",
];
const NUMBERS = [
  "0",
  "-0",
  "-0.0",
  "1",
  "1.0",
  "1.5",
  "1e3",
  "-1",
  "9007199254740993",
  "9223372036854775807",
  "9223372036854775808",
  "1e308",
  "1e-320",
  "0.1",
  "123456789012345678901234567890",
  "NaN",
  "Infinity",
];

/** mulberry32 */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function randomBody(seed: number): Buffer {
  const next = randomNumbers(seed);
  const below = (limit: number) => Math.floor(next() * limit);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)]!;
  const value = (depth: number): string => {
    switch (below(depth > 4 ? 4 : 7)) {
      case 0:
        return JSON.stringify(pick(PIECES));
      case 1:
        return pick(NUMBERS);
      case 2:
        return pick(["null", "true", "false"]);
      case 3:
        return JSON.stringify(pick(PIECES) + pick(PIECES));
      case 4:
        return `[${Array.from({ length: below(5) }, () => value(depth + 1)).join(",")}]`;
      default:
        return row(depth + 1);
    }
  };
  const row = (depth: number): string => {
    const fields = Array.from({ length: below(6) }, () => `${JSON.stringify(pick(PIECES))}:${value(depth)}`);
    return `{${fields.join(",")}}`;
  };
  const rows = Array.from({ length: 1 + below(20) }, (_, i) => {
    const rest = row(0);
    return below(10) === 0 ? value(0) : `{"id":${100 + i}${rest === "{}" ? "}" : `,${rest.slice(1)}`}`;
  });
  const body = Buffer.from(`[${rows.join(",")}]`);
  if (below(3) > 0) return body;
  // Damage: bytes changed, cut off or doubled.
  for (let i = 0; i <= below(5); i++) body[below(body.length)] = below(256);
  return below(2) === 0
    ? body.subarray(0, below(body.length))
    : Buffer.concat([body, body.subarray(below(body.length))]);
}
