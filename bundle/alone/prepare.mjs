/** Puts the `temporal` program that set-up found or made where the bundle takes it along: bundle/alone/server. */
import { chmodSync, copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import toolPaths from "../../setup/tool-paths.js";

const { temporal } = toolPaths.toolPaths(process.env);
if (temporal === undefined || process.platform !== "linux" || process.arch !== "x64") {
  console.error(
    temporal === undefined
      ? "There is no `temporal` program: run `npm run setup` first."
      : `Databricks' compute is Linux on x64, and the program here is for ${process.platform} on ${process.arch}: put the Linux one into bundle/alone/server/temporal.`,
  );
  process.exit(1);
}
const folder = join(dirname(fileURLToPath(import.meta.url)), "server");
mkdirSync(folder, { recursive: true });
copyFileSync(temporal, join(folder, "temporal"));
chmodSync(join(folder, "temporal"), 0o755);
console.log(`${join(folder, "temporal")}: ready to be deployed`);
