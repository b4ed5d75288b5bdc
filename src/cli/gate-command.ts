/** `tidemark gate`: decide from files, as a CI step would. */
import { join } from "node:path";
import type { Config } from "../config";
import { runGateCommand } from "../gate/gate-command";

export interface GateOptions {
  runResults?: string;
  manifest?: string;
  metrics?: string;
  output?: string;
  failOnBlock?: boolean;
  sample?: boolean;
  reviewWith?: string;
}

export async function gateCommand(config: Config, options: GateOptions): Promise<void> {
  const { exitCode, packetPath, gate } = await runGateCommand({
    ...options,
    output: options.output ?? join(config.home, "gate.md"),
    env: Object.fromEntries(
      Object.entries(config.env).filter((pair): pair is [string, string] => pair[1] !== undefined),
    ),
    now: new Date(),
  });
  console.log(`${gate.decision.toUpperCase()}, score ${gate.score} of 100`);
  for (const reason of gate.reasons) console.log(`  ${reason}`);
  console.log(`Packet: ${packetPath}`);
  process.exitCode = exitCode;
}
