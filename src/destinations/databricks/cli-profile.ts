/**
 * A profile of the Databricks CLI: what `databricks configure` and `databricks auth login` leave in ~/.databrickscfg.
 * The spec names the profile; tokens are read, or asked of the CLI, where the worker runs and when they are needed.
 */
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { TidemarkError } from "../../pipeline/errors";

type Env = { readonly [name: string]: string | undefined };

export interface ProfileName {
  profile: string;
  /** Absent: .databrickscfg in the home folder. */
  config_file?: string;
}

/** The keys that are used; names as in the file. */
export interface CliProfile {
  host?: string;
  warehouse_id?: string;
  token?: string;
  client_id?: string;
  client_secret?: string;
}

/** Who to be: a token that may end, or a service principal. `until`: milliseconds since 1970; absent: it stays. */
export type Login = { token: string; until?: number } | { client_id: string; client_secret: string };

const CLI = "databricks";
const CLI_TIMEOUT_MS = 60_000;
/** Exit code of `env` (POSIX). */
const NO_SUCH_PROGRAM = 127;

export const configFile = (env: Env): string | undefined => env.DATABRICKS_CONFIG_FILE || undefined;

/** @throws TidemarkError SPEC_INVALID naming the profiles that there are */
export function readProfile({ profile, config_file }: ProfileName): CliProfile {
  const file = config_file ?? join(homedir(), ".databrickscfg");
  let text = "";
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    throw new TidemarkError(
      "SPEC_INVALID",
      `destination.profile names "${profile}", and ${file} cannot be read where the worker runs (${(error as NodeJS.ErrnoException).code}). Run \`databricks auth login --profile ${profile}\` there.`,
    );
  }
  const profiles = parseProfiles(text);
  const found = profiles.get(profile);
  if (found !== undefined) return found;
  throw new TidemarkError(
    "SPEC_INVALID",
    `destination.profile names "${profile}", which ${file} does not have where the worker runs. There are: ${[...profiles.keys()].join(", ") || "none"}. Run \`databricks auth login --profile ${profile}\` for a new one.`,
  );
}

/** Sections of `key = value`, as the CLI writes them; lines that begin with # or ; are comments. */
function parseProfiles(text: string): Map<string, CliProfile> {
  const profiles = new Map<string, CliProfile>();
  let current: { [key: string]: string } | undefined;
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const name = /^\[(.*)\]$/.exec(line)?.[1]?.trim();
    if (name !== undefined) {
      current = {};
      profiles.set(name, current);
      continue;
    }
    const pair = /^([^=]+?)\s*=\s*(.*)$/.exec(line);
    if (current !== undefined && pair !== null) current[pair[1]!] = pair[2]!;
  }
  return profiles;
}

/**
 * @param cli the program
 * @throws TidemarkError SPEC_INVALID without the profile, DESTINATION_DENIED when the CLI has no token for it
 */
export async function loginOf(name: ProfileName, cli = CLI): Promise<Login> {
  const { token, client_id, client_secret } = readProfile(name);
  if (token) return { token };
  if (client_id && client_secret) return { client_id, client_secret };
  return await tokenOfCli(name, cli);
}

/** The CLI keeps what `databricks auth login` brought and renews it. */
async function tokenOfCli({ profile, config_file }: ProfileName, cli: string): Promise<Login> {
  const again = `Run \`databricks auth login --profile ${profile}\` where the worker runs`;
  let answer: { access_token?: string; expiry?: string };
  try {
    // The CLI takes the file by its variable only; `env` sets it without a shell.
    const file = config_file === undefined ? [] : [`DATABRICKS_CONFIG_FILE=${config_file}`];
    const args = [...file, cli, "auth", "token", "--profile", profile];
    const { stdout } = await promisify(execFile)("env", args, { timeout: CLI_TIMEOUT_MS });
    answer = JSON.parse(stdout) as typeof answer;
  } catch (error) {
    const missing = (error as { code?: unknown }).code === NO_SUCH_PROGRAM;
    throw new TidemarkError(
      "DESTINATION_DENIED",
      missing
        ? `Profile "${profile}" is logged in by the Databricks CLI, and there is no program \`${cli}\` where the worker runs. Install it, or use a token or a service principal.`
        : `The Databricks CLI has no token for profile "${profile}": the login has ended, or there was none. ${again}.`,
    );
  }
  const { access_token, expiry } = answer;
  if (!access_token) {
    throw new TidemarkError(
      "DESTINATION_DENIED",
      `The Databricks CLI gave no token for profile "${profile}". ${again}.`,
    );
  }
  const until = Date.parse(expiry ?? "");
  return { token: access_token, ...(Number.isNaN(until) ? {} : { until }) };
}
