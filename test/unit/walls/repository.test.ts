/** What must never be committed: paths of one machine, private registries, secrets. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./source-files";
import { textOf, trackedFiles } from "./tracked-files";

/** Folders of one machine, not of a container. The lookbehind leaves relative paths, URLs and `${dir}/…` alone. */
const MACHINE_PATH =
  /(?<![\w.~)}*-])\/(?:(?:work|tmp)[/"'`]|root\/|(?:Users|home)\/(?!node\/|temporal\b)[a-z][\w.-]+\/)/;

// The same scan runs over the whole history: .github/workflows/checks.yml.
const { secretsIn } = require("../../../.github/secret-scan.cjs") as { secretsIn(text: string): string[] };

const tracked = trackedFiles();
const texts = tracked.flatMap(path => {
  const text = textOf(path);
  return text === undefined ? [] : [{ path, text }];
});

test("there are files to look at", () => {
  expect(tracked).toContain("package-lock.json");
  expect(texts.length).toBeGreaterThan(100);
});

describe("machine paths", () => {
  test("no tracked file names a folder of one machine", () => {
    const found = texts.flatMap(({ path, text }) => {
      const at = MACHINE_PATH.exec(text);
      return at === null ? [] : [`${path}:${text.slice(0, at.index).split("\n").length}`];
    });
    expect(found).toEqual([]);
  });

  test("the pattern finds them", () => {
    for (const folder of ["work", "root", "tmp", "home/ann", "Users/ann"]) {
      expect(`const a = "/${folder}/x";`).toMatch(MACHINE_PATH);
      expect(`cd /${folder}/x`).toMatch(MACHINE_PATH);
    }
    for (const fine of ["src/work/x", "$" + "{dir}/tmp/x", "https://example.org/work/x", "./tmp/x"]) {
      expect(fine).not.toMatch(MACHINE_PATH);
    }
  });
});

describe("registries", () => {
  const publicOnly = /^https:\/\/registry\.npmjs\.org\//;

  test("package-lock.json names the public registry or none", () => {
    const lock = JSON.parse(readFileSync(join(ROOT, "package-lock.json"), "utf8")) as {
      packages: {
        [path: string]: {
          resolved?: string;
          integrity?: string;
          link?: boolean;
          optional?: boolean;
          os?: string[];
        };
      };
    };
    const packages = Object.entries(lock.packages).filter(([path]) => path !== "");
    expect(packages.length).toBeGreaterThan(100);
    expect(
      packages.filter(([, one]) => one.resolved && !publicOnly.test(one.resolved)).map(([p]) => p),
    ).toEqual([]);
    // What was downloaded is what was locked, whichever registry it came from. Binaries of platforms that the lock was
    // not made on carry a version only, until it is made where they are to be had.
    const otherPlatform = (one: { optional?: boolean; os?: string[] }) =>
      one.optional === true && one.os !== undefined;
    expect(
      packages.filter(([, one]) => !one.link && !one.integrity && !otherPlatform(one)).map(([path]) => path),
    ).toEqual([]);
  });

  test("no tracked file sets a registry or an index of its own", () => {
    const sets = /^\s*(?:registry\s*=|--(?:extra-)?index-url\b|index-url\s*=|--find-links\b)/m;
    expect("--index-url https://pypi.example/simple").toMatch(sets);
    expect(texts.filter(({ text }) => sets.test(text)).map(({ path }) => path)).toEqual([]);
    expect(tracked.filter(path => /(^|\/)(\.npmrc|pip\.conf|\.pypirc)$/.test(path))).toEqual([]);
  });
});

describe("secrets", () => {
  test("no tracked file holds one", () => {
    expect(texts.flatMap(({ path, text }) => secretsIn(text).map(kind => `${path}: ${kind}`))).toEqual([]);
  });

  test("no .env is tracked", () => {
    expect(
      tracked.filter(path => /(^|\/)\.env(\..*)?$/.test(path) && !path.endsWith(".env.example")),
    ).toEqual([]);
  });

  test("the scan finds them", () => {
    const made = (start: string, length: number) => start + "a1".repeat(length / 2);
    expect(secretsIn(made("ghp_", 36))).toEqual(["GitHub token"]);
    expect(secretsIn(made("dapi", 32))).toEqual(["Databricks token"]);
    expect(secretsIn(`-----BEGIN ${"RSA PRIVATE"} KEY-----`)).toEqual(["private key"]);
    expect(secretsIn(`AKIA${"ABCDEFGHIJKLMNOP"}`)).toEqual(["AWS key"]);
    expect(secretsIn(`postgres://ann:${"s3cretword"}@db.company.com/x`)).toEqual([
      "password of db.company.com",
    ]);
    expect(secretsIn("postgres://reader:reader@127.0.0.1:5432/x")).toEqual([]);
  });
});
