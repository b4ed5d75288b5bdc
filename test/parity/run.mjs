/** `npm run test:parity -- [options]`: the runner of run_parity.py, with the Python that set-up made. */
import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { toolPaths } from "../../setup/tool-paths.js";

const python = toolPaths(process.env).parityPython;
if (python === undefined) {
  console.error(
    "There is no Python with dlt: run `node setup/main.mjs --node-modules --temporal --parity` first.",
  );
  process.exit(1);
}
const runner = join(dirname(fileURLToPath(import.meta.url)), "run_parity.py");
const child = spawn(python, [runner, ...process.argv.slice(2)], { stdio: "inherit" });
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
child.on("exit", (code, signal) => {
  process.exitCode = signal === null ? (code ?? 1) : 1;
});
