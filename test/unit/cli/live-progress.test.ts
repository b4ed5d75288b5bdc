import { LiveProgress } from "../../../src/cli/live-progress";
import { tellWaits } from "../../../src/cli/told-waits";
import type { Snapshot } from "../../../src/client";

const HELD = "held by /usr/bin/python3.11 (process 4711); gives up at 03:12:44 UTC, after 600 s";

function output(isTTY: boolean) {
  const said: string[] = [];
  const write = (text: string) => said.push(text) > 0;
  return { said, out: { isTTY, columns: 40, write } as unknown as NodeJS.WritableStream };
}

function held(more: Partial<Snapshot["heartbeats"][number]> = {}, waiting_for?: string): Snapshot {
  return {
    run: { pipeline_name: "p", step: "load", steps: [], backfills: [], notes: [], waiting_for },
    heartbeats: [
      {
        step: "extract",
        activity: "openLoad",
        phase: "waiting for the file",
        subject: "out.duckdb",
        message: HELD,
        attempt: 1,
        attempts: 5,
        ...more,
      },
    ],
  };
}

describe("what a run waits for", () => {
  const sentence = `  waiting for the file out.duckdb: ${HELD}; attempt 1 of 5\n`;

  test.each([
    ["piped", false, false],
    ["on a terminal, above the line that rewrites itself and is too short for it", true, false],
    ["with --json, on stderr", false, true],
  ])("is told %s, once", (_, isTTY, quiet) => {
    const { said, out } = output(isTTY);
    const progress = new LiveProgress(out, { quiet });
    progress.show(held());
    progress.show(held());
    expect(said.filter(text => text === sentence)).toHaveLength(1);
  });

  test("is told again every minute, and for each attempt", () => {
    const { said, out } = output(false);
    const progress = new LiveProgress(out, { quiet: true });
    const clock = jest.spyOn(Date, "now").mockReturnValue(0);
    try {
      progress.show(held());
      progress.show(held({ attempt: 2 }));
      clock.mockReturnValue(59_000);
      progress.show(held({ attempt: 2 }));
      clock.mockReturnValue(61_000);
      progress.show(held({ attempt: 2 }));
      const second = sentence.replace("attempt 1", "attempt 2");
      expect(said).toEqual([sentence, second, second]);
    } finally {
      clock.mockRestore();
    }
  });

  test("a lock, a person or a pause is told too; work that goes on is not, to who wants no progress", () => {
    const { said, out } = output(false);
    const progress = new LiveProgress(out, { quiet: true });
    progress.show(held({ phase: "running", message: "loading table x" }, "another load of this pipeline"));
    expect(said).toEqual(["waiting for another load of this pipeline\n"]);
  });

  test("the line on a terminal names the holder", () => {
    const { said, out } = output(true);
    Object.assign(out, { columns: 300 });
    new LiveProgress(out).show(held());
    expect(said.at(-1)).toContain(`extract out.duckdb (waiting for the file: ${HELD})`);
  });
});

describe("what a command beside a run waits for", () => {
  test.each<[string, { phase?: string; subject?: string; message?: string }, string[]]>([
    [
      "a held file",
      { phase: "waiting for the file", subject: "out.duckdb", message: HELD },
      [`waiting for the file out.duckdb: ${HELD}\n`],
    ],
    ["work", { phase: "running", message: "reading" }, ["reading\n"]],
    ["no words", { phase: "loading", subject: "t" }, []],
  ])("%s: told once, however often it comes", (_, event, told) => {
    const { said, out } = output(false);
    const tell = tellWaits(out);
    for (let times = 0; times < 3; times++) tell({ step: "load", ...event });
    expect(said).toEqual(told);
  });
});
