/** A number that was given as text, e.g. on the command line, as the value that a row would hold. */
import { Decimal } from "../json/values";
import { isNumberText } from "../pipeline/value-order";

/** Digits that a double keeps for certain. */
const DOUBLE_DIGITS = 15;

/** Exact: an integer beyond 2^53 and a fraction beyond a double's digits keep all of theirs. */
export function numberFromText(value: string): number | bigint | Decimal | undefined {
  const text = value.trim();
  if (!isNumberText(text)) return undefined;
  if (/^[+-]?\d+$/.test(text)) return Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text);
  return text.replace(/\D/g, "").length > DOUBLE_DIGITS ? new Decimal(text) : Number(text);
}
