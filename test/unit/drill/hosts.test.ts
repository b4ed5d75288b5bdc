import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { DrillHost } from "../../../src/drill/hosts";
import { Strikes } from "../../../src/drill/strikes";

/** Says that it was hit, takes its time, and only then stops itself. */
const SLOW = `
process.on("disconnect", () => process.exit());
process.on("message", ({ arm }) => {
  if (arm === undefined) return;
  process.send({ hit: arm.id, event: { step: "load" } });
  for (const end = performance.now() + 400; performance.now() < end; );
  process.kill(process.pid, "SIGSTOP");
});
process.send({ ready: true });
setInterval(() => process.send({ working: true }), 50);
`;

test("a host that stops itself goes on after the fault, however late its own signal came", async () => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-hosts-"));
  writeFileSync(join(folder, "host.cjs"), SLOW);
  const command = { file: process.execPath, args: [join(folder, "host.cjs")], cwd: folder, env: {} };
  const [host, other] = [new DrillHost("A", command), new DrillHost("B", command)];
  await host.start();
  const scene = { client: {} as never, workflowId: "w", hosts: [host, other] as const };
  const strikes = new Strikes(
    {
      async stop_worker(_, struck) {
        struck.pause();
        await delay(1_000);
        struck.resume();
      },
    },
    scene,
  );
  await strikes.arm([
    { kind: "stop_worker", host: "busy", run: 1, seconds: 1, at: { step: "load", nth: 1 } },
  ] as never);
  await delay(2_500);
  const silent = Date.now() - host.lastSign;
  await host.retire();
  expect(silent).toBeLessThan(1_000);
});
