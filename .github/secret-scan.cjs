/**
 * Looks for secrets in what everybody gets: every line that any commit ever added, and every tracked file.
 * `node .github/secret-scan.cjs`: exit code 1 when there is one. Needs no installed package.
 */
const { execFileSync, spawn } = require("node:child_process");
const { readFileSync } = require("node:fs");
const { createInterface } = require("node:readline");

/** The public read-only account that RNAcentral prints in its own manual, for everybody. */
const PUBLIC_ACCOUNTS = ["reader:NWDMCE5xdipIjRrp@hh-pgsql-public.ebi.ac.uk"];

const PATTERNS = {
  "private key": /-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----/,
  "AWS key": /\b(?:AKIA|ASIA)[0-9A-Z]{16}\b/,
  "GitHub token": /\b(?:gh[opsur]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{60,})\b/,
  "GitLab token": /\bglpat-[A-Za-z0-9_-]{20,}\b/,
  "Slack token": /\bxox[abpors]-[A-Za-z0-9-]{10,}/,
  "Databricks token": /\bdapi[0-9a-f]{32}\b/,
  "Google key": /\bAIza[0-9A-Za-z_-]{35}\b/,
  "npm token": /\bnpm_[A-Za-z0-9]{36}\b/,
  "LLM key": /\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}\b/,
  "JSON web token": /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/,
  "registry login": /_(?:authToken|auth|password)\s*=\s*[^\s$"'`{]+/,
};

/** Passwords in URLs, unless the host is this machine, a compose service, or a name kept for documentation. */
const URL_PASSWORD = /\b[a-z][a-z0-9+]*:\/\/([^\s:/@"'`$<>{}]+:([^\s:/@"'`$<>{}]+)@([\w.-]+))/g;
/** What stands for a password in an example. */
const PLACEHOLDER = /^(?:pw|pass|password|secret|\*+|x+|\.+|…)$/i;
const LOCAL_HOST =
  /^(?:localhost|127\.0\.0\.1|postgres|host|h|db|(?:.*\.)?(?:example(?:\.\w+)?|invalid|test))$/;

/** Kinds of secrets in a text; never the secret itself. */
function secretsIn(text) {
  const found = Object.keys(PATTERNS).filter(kind => PATTERNS[kind].test(text));
  for (const [, account, password, host] of text.matchAll(URL_PASSWORD)) {
    if (LOCAL_HOST.test(host) || PLACEHOLDER.test(password) || PUBLIC_ACCOUNTS.includes(account)) continue;
    found.push(`password of ${host}`);
  }
  return found;
}

async function scanHistory() {
  const args = ["log", "--all", "--unified=0", "--no-color", "--format=commit %h", "-p"];
  const git = spawn("git", args, { stdio: ["ignore", "pipe", "inherit"] });
  const ended = new Promise((resolve, reject) => {
    git.once("error", reject);
    git.once("close", code => (code === 0 ? resolve() : reject(new Error(`git log ended with ${code}`))));
  });
  const found = new Set();
  let commit = "";
  let file = "";
  for await (const line of createInterface({ input: git.stdout })) {
    if (line.startsWith("commit ")) commit = line.slice(7);
    else if (line.startsWith("+++ ")) file = line.slice(6);
    else if (line.startsWith("+"))
      for (const kind of secretsIn(line)) found.add(`${kind} in ${file}, added by commit ${commit}`);
  }
  await ended;
  return [...found];
}

function scanFiles() {
  const paths = execFileSync("git", ["ls-files", "-z"], { encoding: "utf8" }).split("\0").filter(Boolean);
  return paths.flatMap(path => secretsIn(readFileSync(path, "utf8")).map(kind => `${kind} in ${path}`));
}

async function main() {
  const found = [...scanFiles(), ...(await scanHistory())];
  for (const one of found) console.error(one);
  console.log(found.length === 0 ? "No secret found." : `${found.length} found: rotate each of them first.`);
  process.exitCode = found.length === 0 ? 0 : 1;
}

module.exports = { secretsIn };

if (require.main === module) {
  main().catch(error => {
    console.error(error.message);
    process.exitCode = 1;
  });
}
