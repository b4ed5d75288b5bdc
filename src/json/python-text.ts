/** Python's str() of the values dlt turns into text (dlt: coercion to `text`). */
import type { Scalar } from "./values";
import { Binary, WholeFloat } from "./values";

/** Python's repr of a float: exponents of at least two digits, from 1e16 and below 1e-4. */
export function pythonFloat(value: number): string {
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  if (value === 0) return Object.is(value, -0) ? "-0.0" : "0.0";
  const [mantissa, power] = value.toExponential().split("e") as [string, string];
  const exponent = Number(power);
  if (exponent < -4 || exponent >= 16) {
    const digits = String(Math.abs(exponent)).padStart(2, "0");
    return `${mantissa}e${exponent < 0 ? "-" : "+"}${digits}`;
  }
  if (Number.isInteger(value)) return `${value}.0`;
  // Between 1e-4 and 1e16 JavaScript prints plain decimals too.
  return String(value);
}

export function pythonStr(value: Scalar): string {
  switch (typeof value) {
    case "string":
      return value;
    case "boolean":
      return value ? "True" : "False";
    case "bigint":
      return value.toString();
    case "number":
      return Number.isSafeInteger(value) ? (value === 0 ? "0" : String(value)) : pythonFloat(value);
    default:
  }
  if (value === null) return "None";
  if (value instanceof WholeFloat) return pythonFloat(value.value);
  if (value instanceof Binary) return Buffer.from(value.bytes).toString("base64");
  return value.text;
}
