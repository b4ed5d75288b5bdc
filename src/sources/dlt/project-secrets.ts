/** Texts of the project's secrets, so that what its code prints can be masked. */
import { homedir } from "node:os";
import { dltFolders } from "../../dlt-project/folders";
import { readDltSettings } from "../../dlt-project/settings-files";
import { collectTexts } from "../../pipeline/redact";

type Env = { readonly [name: string]: string | undefined };

const SECRET_NAME =
  /PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIAL|API_?KEY|PRIVATE_?KEY|ACCESS_?KEY|^(SOURCES|DESTINATION)__/i;
/** Of a setting or an environment variable. */
export const isSecretName = (name: string): boolean => SECRET_NAME.test(name);

/** Shorter ones are words such as "true", which would mask half of a log. */
const SHORTEST = 6;

export function projectSecrets(project: string, env: Env): string[] {
  const texts: string[] = [];
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && isSecretName(name)) collectTexts(value, texts);
  }
  const folders = dltFolders(project, env, {
    home: env.HOME || homedir(),
    root: process.geteuid?.() === 0,
  });
  try {
    collectTexts(readDltSettings(folders, env).secrets, texts);
  } catch {
    // A file that is no TOML: dlt itself will say so.
  }
  return texts.filter(text => text.length >= SHORTEST);
}
