/**
 * Sets up the stand-in for a Databricks SQL warehouse: a Python venv with Spark (about 1 GB), Delta's jars, and a
 * certificate for https://localhost. All of it in the user's cache, one folder per version of requirements.txt and of
 * the jars; with it in place this takes some milliseconds.
 *   node test/support/databricks/setup.mjs
 */
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { withLock } from "../../../setup/lock.mjs";
import { lastLine, run, SetupError, seconds } from "../../../setup/run-command.mjs";
import { cacheDir, READY_FILE } from "../../../setup/tool-paths.js";

const HERE = dirname(fileURLToPath(import.meta.url));
const REQUIREMENTS = join(HERE, "requirements.txt");
/** Belongs to the version of pyspark in requirements.txt. */
const DELTA_VERSION = "4.4.0";
const DELTA_JARS = [
  "delta-spark_4.2_2.13",
  "delta-storage",
  "delta-kernel-api",
  "delta-kernel-defaults",
  "delta-kernel-unitycatalog",
];
const MAVEN_COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy";
const WHY = "It runs the stand-in for a Databricks SQL warehouse.";

/** @returns {string} the folder that set-up fills, whether or not it is there */
export function standinHome(env = process.env) {
  const version = createHash("sha256").update(readFileSync(REQUIREMENTS)).update(DELTA_VERSION);
  return join(cacheDir(env), `databricks-standin-${version.digest("hex").slice(0, 12)}`);
}

/**
 * @param {{ log: (line: string) => void, env?: NodeJS.ProcessEnv }} options
 * @returns {Promise<{ home: string }>} holds `venv`, `jars` and `tls`
 * @throws {SetupError} naming what is missing and how to get it
 */
export async function ensureStandin({ log, env = process.env }) {
  const home = standinHome(env);
  const ready = join(home, READY_FILE);
  if (existsSync(ready)) {
    log("Databricks stand-in: ready");
    return { home };
  }
  return withLock(home, log, async () => {
    if (!existsSync(ready)) {
      const started = performance.now();
      await requireProgram(
        "java",
        ["-version"],
        "a Java 17 runtime (Debian: `apt install openjdk-17-jre-headless`)",
      );
      await requireProgram(
        "mvn",
        ["-version"],
        "Maven (Debian: `apt install maven`), which gets Delta's jars",
      );
      await requireProgram("openssl", ["version"], "openssl");
      rmSync(home, { recursive: true, force: true });
      mkdirSync(join(home, "jars"), { recursive: true });
      mkdirSync(join(home, "tls"));
      await makeVenv(home, log);
      await getJars(home, log);
      await makeCertificates(join(home, "tls"));
      writeFileSync(ready, "");
      log(`Databricks stand-in: set up (${seconds(started)})`);
    }
    return { home };
  });
}

async function requireProgram(program, args, what) {
  const { ok } = await run(program, args);
  if (!ok) throw new SetupError(`${program} is not on PATH. ${WHY} Install ${what}, then run this again.`);
}

async function step(what, program, args, options) {
  const result = await run(program, args, { ...options, what });
  if (!result.ok) throw new SetupError(`${what} failed: ${lastLine(result.output)}. ${WHY}`);
}

async function makeVenv(home, log) {
  log("Databricks stand-in: installing Spark and the Thrift server's packages (about 1 GB, some minutes)");
  const venv = join(home, "venv");
  await step("python3 -m venv", "python3", ["-m", "venv", venv]);
  const python = join(venv, "bin", "python");
  await step(
    "Databricks stand-in: pip install",
    python,
    ["-m", "pip", "install", "--quiet", "-r", REQUIREMENTS],
    {
      log,
    },
  );
}

async function getJars(home, log) {
  log("Databricks stand-in: getting Delta's jars");
  for (const artifact of DELTA_JARS) {
    await step(
      `Maven: io.delta:${artifact}:${DELTA_VERSION}`,
      "mvn",
      [
        "--quiet",
        "--batch-mode",
        MAVEN_COPY,
        `-Dartifact=io.delta:${artifact}:${DELTA_VERSION}:jar`,
        `-DoutputDirectory=${join(home, "jars")}`,
        "-Dmdep.useBaseVersion=true",
      ],
      { log },
    );
  }
}

/** A certificate authority of its own; its key is thrown away once the server's certificate is signed. */
async function makeCertificates(folder) {
  const file = name => join(folder, name);
  const openssl = args => step("openssl", "openssl", args);
  const key = ["-newkey", "rsa:2048", "-nodes"];
  await openssl([
    ...["req", "-x509", ...key, "-days", "3650", "-keyout", file("ca.key"), "-out", file("ca.pem")],
    ...["-subj", "/CN=Databricks stand-in CA", "-addext", "basicConstraints=critical,CA:TRUE"],
    ...["-addext", "keyUsage=critical,keyCertSign,cRLSign"],
  ]);
  await openssl([
    "req",
    ...key,
    "-keyout",
    file("server.key"),
    "-out",
    file("server.csr"),
    "-subj",
    "/CN=localhost",
  ]);
  writeFileSync(
    file("server.cnf"),
    "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature,keyEncipherment\nextendedKeyUsage=serverAuth\n" +
      "subjectAltName=DNS:localhost,IP:127.0.0.1\n",
  );
  await openssl([
    ...["x509", "-req", "-in", file("server.csr"), "-CA", file("ca.pem"), "-CAkey", file("ca.key")],
    ...["-CAcreateserial", "-days", "3650", "-extfile", file("server.cnf"), "-out", file("server.crt")],
  ]);
  writeFileSync(
    file("server.pem"),
    readFileSync(file("server.crt"), "utf8") + readFileSync(file("ca.pem"), "utf8"),
  );
  chmodSync(file("server.key"), 0o600);
  for (const name of ["ca.key", "server.csr", "server.cnf", "server.crt", "ca.srl"])
    rmSync(file(name), { force: true });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  ensureStandin({ log: line => console.log(line) }).catch(error => {
    console.error(`Set-up stopped: ${error instanceof SetupError ? error.message : error.stack}`);
    process.exitCode = 1;
  });
}
