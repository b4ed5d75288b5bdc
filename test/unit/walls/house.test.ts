/** Files around the code that nothing else runs: they must parse, fit each other, and say what is true. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { checkSpec } from "../../../src/spec/check-spec";
import { ROOT, SRC, sourceFiles } from "./source-files";
import { textOf, trackedFiles } from "./tracked-files";

const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

interface Service {
  image?: string;
  build?: string;
  ports?: string[];
  environment?: { [name: string]: string };
  depends_on?: { [service: string]: { condition: string } };
  healthcheck?: { test: string[] };
  privileged?: boolean;
  network_mode?: string;
  volumes?: string[];
}

describe("docker-compose.yml and Dockerfile", () => {
  const compose = parse(read("docker-compose.yml")) as {
    services: { [name: string]: Service };
    volumes: { [name: string]: unknown };
  };
  const services = Object.entries(compose.services);

  test("holds Temporal, Postgres and the worker, which waits until both are healthy", () => {
    expect(Object.keys(compose.services).sort()).toEqual(["postgres", "temporal", "worker"]);
    for (const [name, { condition }] of Object.entries(compose.services.worker!.depends_on!)) {
      expect(condition).toBe("service_healthy");
      expect(compose.services[name]!.healthcheck!.test.length).toBeGreaterThan(1);
    }
    expect(compose.services.worker!.environment!.TEMPORAL_ADDRESS).toBe("temporal:7233");
  });

  test("opens ports to this machine only, pins images, gives no container more than it needs", () => {
    const ports = services.flatMap(([, service]) => service.ports ?? []);
    expect(ports.length).toBeGreaterThan(2);
    expect(ports.filter(port => !port.startsWith("127.0.0.1:"))).toEqual([]);
    for (const [, { image }] of services) if (image) expect(image).toMatch(/^[\w./-]+:\d+[\w.-]*$/);
    expect(services.filter(([, s]) => s.privileged || s.network_mode === "host")).toEqual([]);
  });

  test("every volume that is mounted is declared, and no folder of the host is", () => {
    const mounted = services.flatMap(([, { volumes }]) => (volumes ?? []).map(one => one.split(":")[0]!));
    expect(mounted.sort()).toEqual(Object.keys(compose.volumes).sort());
  });

  test("no secret stands in them: passwords come from .env", () => {
    expect(compose.services.postgres!.environment!.POSTGRES_PASSWORD).toMatch(/^\$\{POSTGRES_PASSWORD:\?/);
    expect(read("Dockerfile")).not.toMatch(/(?:ARG|ENV)[^\n]*(?:TOKEN|PASSWORD|SECRET|CREDENTIALS)/);
    expect(read(".dockerignore").split("\n")).toEqual(
      expect.arrayContaining([".env", ".git", "node_modules"]),
    );
  });

  test("the image runs as its own user and copies only what there is", () => {
    const dockerfile = read("Dockerfile");
    expect(dockerfile).toMatch(/^USER (?!root|0)\w+$/m);
    const copied = [...dockerfile.matchAll(/^COPY (?!--from=)(.+) \S+$/gm)].flatMap(([, paths]) =>
      paths!.split(" "),
    );
    expect(copied.length).toBeGreaterThan(5);
    expect(copied.filter(path => !existsSync(join(ROOT, path)))).toEqual([]);
  });
});

describe(".env.example", () => {
  const listed = [...read(".env.example").matchAll(/^#?([A-Z][A-Z0-9_]*)=/gm)].map(([, name]) => name!);
  const OF_THE_SYSTEM = ["HOME", "PATH", "XDG_CACHE_HOME", "XDG_DATA_HOME", "VIRTUAL_ENV"];

  test("names every variable that the code or dbt reads", () => {
    const inCode = sourceFiles().flatMap(({ path }) => [
      ...readFileSync(join(SRC, path), "utf8").matchAll(/\benv\.([A-Z][A-Z0-9_]+)\b/g),
    ]);
    const inSetup = [...read("setup/tool-paths.js").matchAll(/\benv\.([A-Z][A-Z0-9_]+)\b/g)];
    const inDbt = trackedFiles()
      .filter(path => path.startsWith("dbt/"))
      .flatMap(path => [...(textOf(path) ?? "").matchAll(/env_var\('([A-Z0-9_]+)'/g)]);
    const read_ = [...new Set([...inCode, ...inSetup, ...inDbt].map(([, name]) => name!))];
    expect(read_).toContain("DLT_DATASET_NAME");
    expect(read_.filter(name => !listed.includes(name) && !OF_THE_SYSTEM.includes(name))).toEqual([]);
  });

  test("sets nothing by itself", () => {
    expect(
      read(".env.example")
        .split("\n")
        .filter(line => line !== "" && !line.startsWith("#")),
    ).toEqual([]);
  });

  test("README explains every TIDEMARK_ variable", () => {
    expect(listed.filter(name => name.startsWith("TIDEMARK_") && !read("README.md").includes(name))).toEqual(
      [],
    );
  });
});

describe("the checks", () => {
  test(".ci/run is executable bash that runs lint, types and the README's test command", () => {
    expect(statSync(join(ROOT, ".ci", "run")).mode & 0o111).not.toBe(0);
    const text = read(".ci/run");
    expect(text).toContain("set -euo pipefail");
    for (const command of ["npm ci", "lint", "types", "npm test"]) expect(text).toContain(command);
    expect(spawnSync("bash", ["-n", join(ROOT, ".ci", "run")]).status).toBe(0);
    const { scripts } = JSON.parse(read("package.json")) as { scripts: { [name: string]: string } };
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(["lint", "types", "test", "demo", "setup"]));
  });

  test("the GitHub workflow runs .ci/run and the secret scan, with pinned actions and no rights to write", () => {
    interface Job {
      permissions: { [scope: string]: string };
      steps: { uses?: string; run?: string; with?: { [name: string]: unknown } }[];
    }
    const workflow = parse(read(".github/workflows/checks.yml")) as {
      permissions: { [scope: string]: string };
      jobs: { [name: string]: Job };
    };
    const jobs = Object.values(workflow.jobs);
    const steps = jobs.flatMap(job => job.steps);
    expect(steps.map(step => step.run)).toEqual(
      expect.arrayContaining([".ci/run", "node .github/secret-scan.cjs"]),
    );
    const uses = steps.flatMap(step => step.uses ?? []);
    expect(uses.filter(action => !/^[\w./-]+@[0-9a-f]{40}$/.test(action))).toEqual([]);
    expect(workflow.permissions).toEqual({});
    for (const { permissions } of jobs) expect(permissions).toEqual({ contents: "read" });
    for (const step of steps.filter(({ uses: action }) => action?.startsWith("actions/checkout@"))) {
      expect(step.with?.["persist-credentials"]).toBe(false);
    }
  });
});

describe("documents", () => {
  const documents = trackedFiles().filter(path => path.endsWith(".md"));

  test("links to files lead somewhere, and anchors to a heading", () => {
    const slug = (heading: string) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .trim()
        .replaceAll(" ", "-");
    const broken = documents.flatMap(path => {
      const text = read(path).replace(/```[\s\S]*?```/g, "");
      return [...text.matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].flatMap(([, link]) => {
        const [file, anchor] = link!.split("#") as [string, string?];
        const target = file === "" ? path : join(path, "..", file);
        if (!existsSync(join(ROOT, target))) return [`${path}: ${link}`];
        if (anchor === undefined) return [];
        const headings = [...read(target).matchAll(/^#+ (.+)$/gm)].map(([, heading]) => slug(heading!));
        return headings.includes(anchor) ? [] : [`${path}: ${link}`];
      });
    });
    expect(documents).toEqual(
      expect.arrayContaining(["README.md", "docs/architecture.md", "docs/glossary.md"]),
    );
    expect(broken).toEqual([]);
  });

  test("README lists every command of the command line, and no other", () => {
    const real = [...readFileSync(join(SRC, "cli", "main.ts"), "utf8").matchAll(/\.command\("([\w-]+)"\)/g)];
    const commands = read("README.md").split("\n## Commands\n")[1]!.split("\n## ")[0]!;
    const told = [...commands.matchAll(/^\| `([\w-]+)(?: [^`]*)?` \|/gm)];
    const section = (names: RegExpMatchArray[]) => [...new Set(names.map(([, name]) => name!))].sort();
    expect(section(told)).toEqual(section(real));
  });

  test("README's pipeline is a valid spec", () => {
    const spec = /```yaml\n(pipeline_name:[\s\S]*?)```/.exec(read("README.md"))![1]!;
    expect(checkSpec(parse(spec))).toEqual([]);
    expect(checkSpec({ ...parse(spec), sauce: 1 })).toHaveLength(1);
  });

  test("files that the documents name in backticks exist", () => {
    const missing = documents.flatMap(path =>
      [...read(path).matchAll(/`((?:src|test|setup|dbt|demo|docs|pipelines|bin)\/[\w./-]+)`/g)]
        .map(([, named]) => named!)
        // The pipeline that README tells its reader to write.
        .filter(named => named !== "pipelines/issues.yaml" && !existsSync(join(ROOT, named)))
        .map(named => `${path}: ${named}`),
    );
    expect(missing).toEqual([]);
  });
});
