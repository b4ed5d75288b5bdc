/** One copy of the SDK, of a version that we know: two of them do not see each other's activities, and fail far from the cause. */
import { dirname, join } from "node:path";
import { TidemarkError } from "../pipeline/errors";

const NEEDED = ["worker", "activity", "common"] as const;
const OLDEST = [1, 24] as const;

/**
 * @param loaded files of modules that this process has loaded
 * @throws TidemarkError SDK_MISMATCH
 */
export function requireOneSdk(loaded: readonly string[] = Object.keys(require.cache)): void {
  for (const name of NEEDED) {
    const ours = dirname(require.resolve(`@temporalio/${name}/package.json`));
    const { version } = require(`@temporalio/${name}/package.json`) as { version: string };
    const [major = 0, minor = 0] = version.split(".").map(Number);
    if (major !== OLDEST[0] || minor < OLDEST[1]) {
      throw new TidemarkError(
        "SDK_MISMATCH",
        `@temporalio/${name} is ${version}; Tidemark works with ${OLDEST.join(".")} and newer ones of ${OLDEST[0]}.x. ` +
          "Install that version of all @temporalio packages.",
      );
    }
    const other = copyBeside(name, ours, loaded);
    if (other !== undefined) {
      throw new TidemarkError(
        "SDK_MISMATCH",
        `Two copies of @temporalio/${name} are loaded, ${ours} (Tidemark's) and ${other}: activities of one do not see the ` +
          `worker of the other. Keep one, with the same version in every package.json: \`npm ls @temporalio/${name}\` shows ` +
          "who asks for which, `npm dedupe` joins what can be joined.",
      );
    }
  }
}

function copyBeside(name: string, ours: string, loaded: readonly string[]): string | undefined {
  const entry = join("@temporalio", name, "lib", "index.js");
  return loaded
    .filter(file => file.endsWith(entry))
    .map(file => dirname(dirname(file)))
    .find(folder => folder !== ours);
}
