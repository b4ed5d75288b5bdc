/** Which folders dlt reads, by its own environment variables (dlt: RunContext, global_dir). */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { DltFolders, Env } from "./settings-files";

const MOUNTED_SECRETS = "/run/secrets";

/**
 * @param cwd the project's folder, unless DLT_PROJECT_DIR names another
 * @param user home folder and whether the user is root, whom dlt gives /var/dlt
 */
export function dltFolders(cwd: string, env: Env, user: { home: string; root: boolean }): DltFolders {
  const settingsName = env.DLT_CONFIG_FOLDER || ".dlt";
  return {
    settings: resolve(cwd, env.DLT_PROJECT_DIR || ".", settingsName),
    global: globalFolder(settingsName, env, user),
    mounted: MOUNTED_SECRETS,
  };
}

function globalFolder(settingsName: string, env: Env, user: { home: string; root: boolean }): string {
  if (user.root) return "/var/dlt";
  const own = join(user.home, settingsName);
  return env.XDG_DATA_HOME && !existsSync(own) ? join(env.XDG_DATA_HOME, "dlt") : own;
}
