/** Bodies that are not JSON, where a resource says so (`data_format`, ours), and words for those that nobody announced. */
import { parseJson } from "../../json/parse";
import type { Value } from "../../json/values";
import { TidemarkError } from "../../pipeline/errors";
import { readJson, textOf } from "../http/body";
import type { DataFormat } from "./config";
import { csvRows } from "./csv-rows";
import { readXml } from "./xml-document";

/** @throws TidemarkError HTTP_BAD_JSON, SOURCE_BAD_RESPONSE, ROW_NOT_STORABLE */
export function readDocument(body: Buffer, contentType: string | undefined, format?: DataFormat): Value {
  if (format === undefined) return readJson(body, contentType);
  const text = textOf(body, contentType).replace(/^\ufeff/, "");
  switch (format.type) {
    case "ndjson":
      return jsonLines(text);
    case "csv":
      return csvRows(text, format.delimiter ?? (/tab-separated/i.test(contentType ?? "") ? "\t" : ","));
    case "xml":
      return readXml(text);
    default:
      return readJson(body, contentType);
  }
}

function jsonLines(text: string): Value {
  const rows: Value[] = [];
  text.split("\n").forEach((line, index) => {
    if (line.trim() === "") return;
    try {
      rows.push(parseJson(line));
    } catch (error) {
      if (!(error instanceof TidemarkError)) throw error;
      throw new TidemarkError(error.code, `In line ${index + 1} of the answer: ${error.message}`);
    }
  });
  return rows;
}

/** What a body seems to be that is no JSON: a sentence, or nothing. It never quotes the body. */
export function nameWhatCame(body: Buffer, contentType: string | undefined): string {
  const type = (contentType ?? "").split(";")[0]!.trim().toLowerCase();
  const said = type === "" ? "" : ` The server calls it ${type}.`;
  const [a, b, c, d] = body;
  if (a === 0x1f && b === 0x8b) return `${said} It is packed with gzip, and no Content-Encoding says so.`;
  if (a === 0x28 && b === 0xb5 && c === 0x2f && d === 0xfd)
    return `${said} It is packed with zstd, and no Content-Encoding says so.`;
  if (a === 0x50 && b === 0x4b) return `${said} It is a ZIP file.`;
  if (body.subarray(0, 4).toString("latin1") === "PAR1") return `${said} It is a Parquet file.`;
  const start = textOf(body.subarray(0, 4096), contentType).trimStart();
  if (/^(<!doctype html|<html)/i.test(start)) {
    return `${said} It is a page of HTML, as for people: check base_url and path, and whether a sign-in stands before the API.`;
  }
  if (start.startsWith("<"))
    return `${said} It seems to be XML: write "data_format": "xml" where it is meant.`;
  if (/^[[{]/.test(start)) {
    const lines = start.split("\n").filter(line => line.trim() !== "");
    if (lines.length > 1 && isJson(lines[0]!))
      return `${said} It seems to be JSON lines: write "data_format": "ndjson" where it is meant.`;
    return said;
  }
  if (type === "text/csv" || type === "text/tab-separated-values")
    return `${said} Write "data_format": "csv" where it is meant.`;
  return said;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/** A document that begins and does not end: what a connection that was cut leaves. */
export function isCut(body: Buffer): boolean {
  const text = body.subarray(0, 64).toString("latin1").trimStart();
  const end = body.subarray(-64).toString("latin1").trimEnd();
  const closing = { "[": "]", "{": "}" }[text[0] ?? ""];
  return closing !== undefined && !end.endsWith(closing);
}
