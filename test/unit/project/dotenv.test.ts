/** `.env` as people write it: the same values as a shell that reads the file, where a shell can. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig, readDotenv } from "../../../src/config";

const WRITTEN: [line: string, value: string][] = [
  ["TOKEN=a#b", "a#b"],
  ["TOKEN=a#b#c # of the shop", "a#b#c"],
  ["TOKEN=ab # of the shop", "ab"],
  ["TOKEN=ab\t# of the shop", "ab"],
  ["TOKEN='a#b' # quoted", "a#b"],
  ['TOKEN="a#b"', "a#b"],
  ["export TOKEN=a#b", "a#b"],
  ["TOKEN=https://u:p@h/d?x=1#part", "https://u:p@h/d?x=1#part"],
  ["TOKEN='first\nsecond=a#b\nthird'", "first\nsecond=a#b\nthird"],
  ["# TOKEN=no\nTOKEN=yes#", "yes#"],
  ["TOKEN=", ""],
];

test.each(WRITTEN)("%j, as a shell reads it", (line, value) => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-dotenv-"));
  try {
    writeFileSync(join(folder, ".env"), `${line}\n`);
    const shell = `. ./.env; printf %s "$TOKEN"`;
    expect(execFileSync("/bin/sh", ["-c", shell], { cwd: folder, env: {} }).toString()).toBe(value);
    expect(readDotenv(`${line}\n`).TOKEN).toBe(value);
    expect(loadConfig(folder, { HOME: folder }).env.TOKEN).toBe(value);
    expect(loadConfig(folder, { HOME: folder, TOKEN: "set" }).env.TOKEN).toBe("set");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test.each([
  ["TOKEN = a#b", "a#b"],
  ["TOKEN=it's a#b", "it's a#b"],
  ["TOKEN=# put it here", ""],
  ["TOKEN=`a#b`", "a#b"],
  ["TOKEN=a#b\r\nOTHER=c\r\n", "a#b"],
])("%j, which a shell reads otherwise", (text, value) => {
  expect(readDotenv(text).TOKEN).toBe(value);
});
