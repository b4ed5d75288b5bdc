/**
 * dbt's steps of a run (source freshness, parse, build) on the demo project with posts and comments: three commands of
 * dbt, each a process of its own, beside the same steps on a worker whose dbt is warm. One line, as a ratio.
 *
 * Options: --rounds N (default 3)
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { buildArgs, freshnessArgs, parseArgs } from "../src/transform/dbt-command";
import { dbtEnvironment } from "../src/transform/dbt-environment";
import { runDbtProcess } from "../src/transform/dbt-process";
import { type Lane, loadPostsAndComments, openLane } from "../test/contract/dbt/dbt-lane";
import { option } from "./measure";

async function cold(lane: Lane, round: number): Promise<number> {
  const { dbt, candidate: _, ...options } = lane.options();
  const env = { ...options.env, ...dbtEnvironment(options.dataset, options.destination) };
  const start = performance.now();
  for (const [name, args] of [
    ["freshness", freshnessArgs],
    ["parse", parseArgs],
    ["build", buildArgs],
  ] as const) {
    // As they followed each other: the build reuses what parse has parsed.
    const folder = join(lane.folder, `cold-${round}`, name === "freshness" ? name : "build");
    mkdirSync(folder, { recursive: true });
    const exit = await runDbtProcess({
      ...options,
      args: args(dbt, { target: join(folder, "target"), log: folder }),
      cwd: dbt.project_dir,
      env,
      recordPath: join(folder, "process.json"),
      outputPath: join(folder, "output.log"),
      phase: name,
      graceMs: 1_000,
    });
    if (exit.code !== 0) throw new Error(`dbt ${name} ended with ${exit.code}: see ${folder}`);
  }
  return (performance.now() - start) / 1000;
}

async function warm(lane: Lane): Promise<number> {
  const start = performance.now();
  for (const kind of ["freshness", "build"] as const) {
    const info = await lane.dbt({ kind });
    if (!info.success) throw new Error(`dbt ${kind}: ${JSON.stringify(info.findings)}`);
  }
  return (performance.now() - start) / 1000;
}

async function main(): Promise<void> {
  const rounds = option("rounds", 3);
  const lane = openLane();
  try {
    await loadPostsAndComments(lane);
    const first = await warm(lane);
    const pairs: [number, number][] = [];
    for (let round = 0; round < rounds; round++) pairs.push([await cold(lane, round), await warm(lane)]);
    const [coldSeconds, warmSeconds] = [0, 1].map(i => median(pairs.map(pair => pair[i]!))) as [
      number,
      number,
    ];
    console.log(
      `dbt: freshness, parse and build by three commands ${coldSeconds.toFixed(1)} s; on a warm worker ` +
        `${warmSeconds.toFixed(1)} s (${(coldSeconds / warmSeconds).toFixed(1)}× as fast); the first time ${first.toFixed(1)} s`,
    );
  } finally {
    await lane.remove();
  }
}

function median(numbers: number[]): number {
  return [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)]!;
}

void main().then(
  () => process.exit(0),
  error => {
    console.error(error);
    process.exit(1);
  },
);
