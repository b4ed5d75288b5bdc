/**
 * Stays between calls of `engine`: a Temporal server, one worker, a socket. Each phase has a configuration of its own
 * (package root in the phase's pipelines_dir); the activities find theirs by the workflow they run for.
 *
 *   node --import tsx test/parity/engine-daemon.ts HOME SOCKET
 */
import { randomUUID } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { Context } from "@temporalio/activity";
import { Client, Connection } from "@temporalio/client";
import { DefaultLogger, NativeConnection, Runtime, Worker } from "@temporalio/worker";
import { type Activities, createActivities } from "../../src/activities";
import { type Config, loadConfig } from "../../src/config";
import { datasetNames } from "../../src/destinations/dataset-names";
import { createDestination } from "../../src/destinations/registry";
import { useDevServer } from "../../src/dev-server";
import { abortPackages } from "../../src/package/packages";
import type { HostQueues, OpenedLoad, ResolvedRun } from "../../src/pipeline/infos";
import { activityTypes, WORKFLOW_PIPELINE } from "../../src/pipeline/names";
import type { JsonObject, RunInput } from "../../src/pipeline/spec";
import { resolveSpec } from "../../src/spec/resolve-spec";
import { workflowBundle } from "../../src/workflow-bundle";
import { type Phase, specOf } from "./phase-spec";

export interface Answer {
  ok: boolean;
  /** null: before the run began, as for dlt's configuration errors. */
  step?: string | null;
  exception?: string;
  message?: string;
}

const IDLE_MS = 5 * 60_000;
const [home, socketPath] = process.argv.slice(2) as [string, string];
const queue = `parity-${process.pid}-${randomUUID().slice(0, 8)}`;

const host: HostQueues = { host: "parity", disk: queue, extract: queue, dbt: queue, lease: queue };

/** Activities of the phase that a workflow belongs to: the run itself, and its load. */
const byWorkflow = new Map<string, Activities>();

/** The project's activities, each handed to the phase it runs for; all on one queue, as all phases share this disk. */
function dispatching(names: string[]): { [name: string]: (...args: unknown[]) => Promise<unknown> } {
  return Object.fromEntries(
    names.map(name => [
      name,
      async (...args: unknown[]) => {
        const workflow = Context.current().info.workflowExecution!.workflowId;
        const own = byWorkflow.get(workflow)!;
        const call = own[name as keyof Activities] as (...args: unknown[]) => Promise<unknown>;
        const result = await (name === "extractResource"
          ? inTurn(workflow, (args[0] as { resource: string }).resource, () => call(...args))
          : call(...args));
        if (name === "openLoad") {
          turns.set(workflow, new Map((result as OpenedLoad).resources.map(one => [one.name, deferred()])));
        }
        if (name === "resolveRun") {
          byWorkflow.set((result as ResolvedRun).load_workflow_id, own);
          return { ...(result as ResolvedRun), queue, host };
        }
        return name === "openLoad" ? { ...(result as OpenedLoad), queue, host } : result;
      },
    ]),
  );
}

/** Resources of each load in their order; settled when extracted. */
const turns = new Map<string, Map<string, Deferred>>();

interface Deferred {
  done: Promise<unknown>;
  settle: (outcome: Promise<unknown>) => void;
}

function deferred(): Deferred {
  let settle: Deferred["settle"] = () => {};
  const done = new Promise<unknown>(resolve => {
    settle = resolve;
  });
  done.catch(() => {});
  return { done, settle };
}

/**
 * One resource after the other: dlt extracts in one thread, and after a failure asks no more. Which of our resources,
 * extracted at the same time, had asked by then would be chance, and requests are compared.
 */
async function inTurn<T>(workflow: string, resource: string, extract: () => Promise<T>): Promise<T> {
  const all = turns.get(workflow)!;
  const alive = setInterval(() => Context.current().heartbeat(), 1_000);
  const own = (async () => {
    for (const [name, { done }] of all) {
      if (name === resource) break;
      await done;
    }
    return await extract();
  })();
  all.get(resource)!.settle(own);
  try {
    return await own;
  } finally {
    clearInterval(alive);
  }
}

async function runPhase(client: Client, base: Config, phase: Phase): Promise<Answer> {
  const id = `parity/${randomUUID()}`;
  const folder = join(home, "specs", id.slice(7));
  const file = join(folder, "spec.json");
  const config: Config = {
    ...base,
    cwd: folder,
    pipelinesDir: folder,
    packageRoot: join(phase.pipelines_dir, ".tidemark-packages"),
  };
  // As many at once as there are: the turns of `inTurn` order them.
  const document = { ...specOf(phase), parallel: 1_000 };
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  // A spec with literal secrets may be started by its path only; history then holds references into this file.
  writeFileSync(file, JSON.stringify(document), { mode: 0o600 });
  try {
    if (phase.fresh_workdir) rmSync(config.packageRoot, { recursive: true, force: true });
    if (phase.drop_pending) await dropPending(document, file, config);
    byWorkflow.set(id, createActivities({ config, servesHost: true }));
    await client.workflow.execute(WORKFLOW_PIPELINE, {
      workflowId: id,
      taskQueue: queue,
      args: [{ pipeline: file } satisfies RunInput],
    });
    return { ok: true };
  } catch (error) {
    return answerOf(error);
  } finally {
    byWorkflow.delete(id);
    rmSync(folder, { recursive: true, force: true });
  }
}

async function dropPending(document: JsonObject, file: string, config: Config): Promise<void> {
  const spec = resolveSpec({ document, file }, {}, config);
  await abortPackages({
    root: config.packageRoot,
    pipeline_name: spec.pipeline_name,
    dataset: datasetNames(spec).dataset,
    fingerprint: createDestination(spec.destination).identity.fingerprint,
  });
}

/** The innermost failure: its step, and dlt's name for it where there is one. */
function answerOf(error: unknown): Answer {
  let current = error as { cause?: unknown; message?: string; type?: string; details?: unknown[] };
  while (current.cause instanceof Error) current = current.cause;
  const [detail] = (current.details ?? []) as { step?: string; dlt_exception?: string }[];
  return {
    ok: false,
    step: detail?.step === undefined || detail.step === "resolve" ? null : detail.step,
    exception: detail?.dlt_exception ?? current.type ?? "Error",
    message: `${current.type ?? "Error"}: ${current.message}`,
  };
}

async function main(): Promise<void> {
  Runtime.install({
    logger: new DefaultLogger("ERROR", entry => process.stderr.write(`${entry.message}\n`)),
  });
  const base: Config = {
    ...loadConfig(home, { ...process.env, TIDEMARK_HOME: home }),
    devServerPort: 0,
    devServerUiPort: 0,
  };
  const [server, bundle] = await Promise.all([useDevServer(base), workflowBundle(base.cacheDir)]);
  const native = await NativeConnection.connect({ address: server.address });
  const worker = await Worker.create({
    connection: native,
    taskQueue: queue,
    workflowBundle: { codePath: bundle },
    activities: activityTypes(dispatching(Object.keys(createActivities({ config: base })))),
    shutdownGraceTime: "1 second",
  });
  const running = worker.run();
  const connection = await Connection.connect({ address: server.address });
  const client = new Client({ connection });

  let open = 0;
  let last = Date.now();
  const answer = async (socket: Socket, line: string) => {
    const request = JSON.parse(line) as { phase?: string; ping?: boolean; end?: boolean };
    if (request.end) void end();
    open++;
    try {
      const result: Answer =
        request.phase === undefined
          ? { ok: true }
          : await runPhase(client, base, JSON.parse(readFileSync(request.phase, "utf8")) as Phase);
      socket.end(`${JSON.stringify(result)}\n`);
    } catch (error) {
      socket.end(
        `${JSON.stringify({ ok: false, step: null, exception: "Error", message: String(error) })}\n`,
      );
    } finally {
      open--;
      last = Date.now();
    }
  };
  const listener = createServer(socket => {
    let text = "";
    socket.setEncoding("utf8");
    socket.on("error", () => {});
    socket.on("data", chunk => {
      text += chunk;
      const end = text.indexOf("\n");
      if (end === -1) return;
      void answer(socket, text.slice(0, end));
      text = "";
    });
  });
  rmSync(socketPath, { force: true });
  await new Promise<void>(listening => listener.listen(socketPath, listening));
  chmodSync(socketPath, 0o600);

  let ending = false;
  const end = async () => {
    if (ending) return;
    ending = true;
    listener.close();
    rmSync(socketPath, { force: true });
    worker.shutdown();
    await running;
    await connection.close();
    await native.close();
    await server.leave();
    process.exit(0);
  };
  setInterval(() => {
    if (open === 0 && Date.now() - last > IDLE_MS) void end();
  }, 5_000);
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => void end());
  running.catch(() => process.exit(1));
}

main().catch(error => {
  process.stderr.write(`${(error as Error).stack}\n`);
  process.exit(1);
});
