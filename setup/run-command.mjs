/** Starts programs for set-up: no shell, output kept for the error, a sign of life for the slow ones. */
import { spawn } from "node:child_process";

const SIGN_OF_LIFE_MS = 20_000;
const KEPT_OUTPUT = 4_000;

/** A prerequisite is missing or a step failed; the message says what, why, and how to get it. */
export class SetupError extends Error {}

export function seconds(since) {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`;
}

/**
 * @param {string} program
 * @param {string[]} args
 * @param {{ cwd?: string, env?: NodeJS.ProcessEnv, timeoutMs?: number, log?: (line: string) => void, what?: string }} options
 *   `what`: with `log`, printed with the elapsed time every 20 s
 * @returns {Promise<{ ok: boolean, output: string }>} the end of stdout and stderr; a missing program is not ok
 */
export function run(program, args, { cwd, env = process.env, timeoutMs, log, what } = {}) {
  return new Promise(resolve => {
    const started = performance.now();
    let output = "";
    const child = spawn(program, args, {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
      ...(timeoutMs ? { timeout: timeoutMs, killSignal: "SIGKILL" } : {}),
    });
    const keep = chunk => {
      output = (output + chunk).slice(-KEPT_OUTPUT);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    const signOfLife =
      log && what && setInterval(() => log(`${what}: still at it (${seconds(started)})`), SIGN_OF_LIFE_MS);
    const end = ok => {
      clearInterval(signOfLife);
      resolve({ ok, output: output.trim() });
    };
    child.on("error", error => {
      output += error.message;
      end(false);
    });
    child.on("close", code => end(code === 0));
  });
}

/** Last line of a program's output: its own word on what went wrong. */
export function lastLine(output) {
  return output.split("\n").at(-1)?.trim() || "it said nothing";
}
