/** PostgreSQL's text output into columns: what binary-values.ts reads, where rows come by FETCH. */
import type { ColumnKind } from "../../columns/column-page";
import type { ColumnWriter } from "../../columns/column-writers";
import type { PlainDate, PlainTime, Timestamp } from "../../json/values";
import type { ColumnPlan } from "./column-plan";
import { parserFor, toDecimal } from "./value-parsers";

const DAY_MS = 86_400_000;
const OID = { date: 1082, time: 1083, timestamp: 1114, timestamptz: 1184 };
const parse = {
  date: parserFor(OID.date),
  time: parserFor(OID.time),
  timestamp: parserFor(OID.timestamp),
  timestamptz: parserFor(OID.timestamptz),
};

function writeLong(value: bigint, to: ColumnWriter): void {
  to.writeHalves(Number(BigInt.asIntN(32, value >> 32n)), Number(BigInt.asIntN(32, value)));
}

/** Milliseconds of the calendar, also before the year 100, which the constructor of Date takes for the 20th century. */
function dayMs(text: string): number {
  return Date.parse(`${text.slice(0, 10)}T00:00:00Z`);
}

function timeMicros(text: string): bigint {
  const [, hours, minutes, seconds, fraction = ""] = /^(\d\d):(\d\d):(\d\d)(?:\.(\d+))?/.exec(text)!;
  const whole = (Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds);
  return BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, "0") || 0);
}

function timestampMicros(text: string): bigint {
  return BigInt(dayMs(text)) * 1000n + timeMicros(text.slice(11));
}

function unscaled(text: string, scale: number): bigint {
  const [whole, fraction = ""] = text.split(".") as [string, string?];
  return BigInt(`${whole}${fraction.padEnd(scale, "0")}`);
}

/** By the kind of the column; kinds that are texts are read by the plan's own decoder. */
const WRITERS: {
  [kind in ColumnKind["kind"]]?: (text: string, to: ColumnWriter, type: ColumnKind, bare: boolean) => void;
} = {
  integer: (text, to) => writeLong(BigInt(text), to),
  bool: (text, to) => to.writeBool(text === "t"),
  date: (text, to) => to.writeDays(dayMs((parse.date(text) as PlainDate).text) / DAY_MS),
  time: (text, to) => writeLong(timeMicros((parse.time(text) as PlainTime).text), to),
  timestamp: (text, to) => writeLong(timestampMicros((parse.timestamptz(text) as Timestamp).text), to),
  "local-timestamp": (text, to) => writeLong(timestampMicros((parse.timestamp(text) as Timestamp).text), to),
  binary: (text, to) => {
    const bytes = Buffer.from(text.slice(2), "hex");
    to.writeBytes(bytes, 0, bytes.length);
  },
  double: (text, to, _, bare) => {
    const value = Number(text);
    if (bare) to.writeDouble(value);
    else if (Number.isFinite(value)) to.writeDouble(value + 0);
    else to.writeNull();
  },
  decimal: (text, to, type) => {
    toDecimal(text);
    to.writeDecimal(unscaled(text, (type as { scale: number }).scale));
  },
  "decimal-text": (text, to) => to.writeText(toDecimal(text).text),
};

const JSONB_VERSION = 1;

/** @throws UnreadableValue */
export function writeText(text: string, plan: ColumnPlan, to: ColumnWriter, bare: boolean): void {
  const write = WRITERS[plan.type.kind];
  if (write !== undefined) {
    write(text, to, plan.type, bare);
    return;
  }
  if (plan.type.kind === "text" && plan.expression === undefined) {
    to.writeText(text);
    return;
  }
  // what is cast to text in the query is text there too; jsonb alone has a byte before it
  const bytes = Buffer.from(text);
  const sent = plan.expression === undefined ? Buffer.concat([Buffer.of(JSONB_VERSION), bytes]) : bytes;
  const view = new DataView(sent.buffer, sent.byteOffset, sent.length);
  plan.decode({ bytes: sent, view }, 0, sent.length, to);
}
