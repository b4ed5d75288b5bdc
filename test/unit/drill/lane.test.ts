import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Lane } from "../../drill/lane";

jest.setTimeout(60_000);

test("a database that a fault brings back is the one that the round finds, whoever asks first", async () => {
  const lane = new Lane(0);
  try {
    const first = await lane.postgres();
    const stopping = lane.stopPostgres();
    const fault = stopping.then(async () => {
      await delay(200);
      return await lane.postgres();
    });
    const [round, again] = await Promise.all([lane.postgres(), fault]);
    expect(again.pid).toBe(round.pid);
    expect([again.port, again.pid === first.pid]).toEqual([first.port, false]);
  } finally {
    await lane.stopPostgres();
    rmSync(lane.folder, { recursive: true, force: true });
  }
});
