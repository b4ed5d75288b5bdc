/** `tidemark temporal …`: the Temporal CLI that set-up found or built, pointed at this project's server. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config";
import { toolPaths } from "../tools";

export async function temporalCommand(config: Config, args: string[]): Promise<number> {
  const temporal = toolPaths(config.env).temporal;
  if (temporal === undefined) {
    console.error("The `temporal` command was not found: run `npm run setup`, which finds or builds it.");
    return 2;
  }
  // A server of one's own is named by the environment or profile already, which the CLI reads itself.
  const address = config.temporal === undefined ? devServerAddress(config) : undefined;
  const env = { ...config.env, ...(address === undefined ? {} : { TEMPORAL_ADDRESS: address }) };
  const child = spawn(temporal, args, { stdio: "inherit", env });
  return await new Promise(done => {
    child.once("error", error => {
      console.error(`${temporal} cannot be started: ${error.message}`);
      done(1);
    });
    child.once("exit", code => done(code ?? 1));
  });
}

function devServerAddress(config: Config): string | undefined {
  try {
    return (
      JSON.parse(readFileSync(join(config.home, "temporal", "server.json"), "utf8")) as { address: string }
    ).address;
  } catch {
    return undefined;
  }
}
