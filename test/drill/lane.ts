/**
 * One lane of the drill: a Temporal server with a database file, two worker processes with disks of their own, an API
 * behind a proxy, and PostgreSQL when somebody asks for it. Rounds take turns on it; lanes share nothing.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Client, Connection } from "@temporalio/client";
import { execute, type PostgresServer, startPostgresServer } from "../../demo/postgres-server";
import { DEV_SERVER_OPTIONS, freePort } from "../../src/dev-server";
import { DrillHost } from "../../src/drill/hosts";
import { toolPaths } from "../../src/tools";
import { DrillApi, FaultyProxy } from "./api";

const REPOSITORY = join(__dirname, "..", "..");
/** Large enough for every package of a round, small enough to fill in a moment. */
const DISK_MB = 64;

export class Lane {
  readonly folder: string;
  readonly queue: string;
  readonly api = new DrillApi();
  proxy!: FaultyProxy;
  client!: Client;
  hosts!: readonly [DrillHost, DrillHost];
  #connection: Connection | undefined;
  #server: ChildProcess | undefined;
  #serverArgs: string[] = [];
  #postgres: Promise<PostgresServer> | undefined;
  #postgresPort = 0;
  readonly #mounted: string[] = [];
  address = "";
  #over = false;

  constructor(readonly number: number) {
    this.folder = mkdtempSync(join(tmpdir(), `tidemark-drill-${number}-`));
    chmodSync(this.folder, 0o755);
    this.queue = `drill-${process.pid}-${number}`;
  }

  async start(options: { ownDisks: boolean }): Promise<void> {
    mkdirSync(join(this.folder, "pipelines"));
    await this.api.start();
    this.proxy = new FaultyProxy(this.api.port);
    await this.proxy.start();
    const port = await keptPort();
    this.#postgresPort = await keptPort();
    this.address = `127.0.0.1:${port}`;
    this.#serverArgs = [
      ...["server", "start-dev", "--ip", "127.0.0.1", "--port", String(port)],
      ...["--db-filename", join(this.folder, "temporal.db"), "--log-level", "error", "--headless"],
      ...DEV_SERVER_OPTIONS,
    ];
    await this.startServer();
    this.#connection = await Connection.connect({ address: this.address });
    this.client = new Client({ connection: this.#connection });
    this.hosts = [this.#host("A", options.ownDisks), this.#host("B", options.ownDisks)];
    await Promise.all(this.hosts.map(host => host.start()));
  }

  async startServer(): Promise<void> {
    if (this.#over) return;
    const temporal = toolPaths(process.env).temporal;
    if (temporal === undefined) throw new Error("No `temporal` command: run `npm run setup` first.");
    // The shell ends the server when its standard input closes, so also when the drill is killed.
    const child = spawn(
      "/bin/sh",
      ["-c", '"$@" & server=$!; cat > /dev/null; kill -9 $server', "sh", temporal, ...this.#serverArgs],
      { stdio: ["pipe", "ignore", "ignore"] },
    );
    this.#server = child;
    for (let tries = 0; ; tries++) {
      try {
        const connection = await Connection.connect({ address: this.address, connectTimeout: 1_000 });
        await connection.workflowService.describeNamespace({ namespace: "default" });
        await connection.close();
        return;
      } catch (error) {
        if (tries > 200 || this.#over) throw error;
        await delay(100);
      }
    }
  }

  async killServer(): Promise<void> {
    const child = this.#server;
    if (child === undefined) return;
    const closed = new Promise<void>(done => child.once("close", () => done()));
    child.stdin!.end();
    await closed;
    this.#server = undefined;
  }

  /** One at a time: a fault may bring it back at the moment at which the round looks for it. */
  async postgres(): Promise<PostgresServer> {
    const starting = this.#postgres ?? this.#startPostgres();
    this.#postgres = starting;
    try {
      return await starting;
    } catch (error) {
      if (this.#postgres === starting) this.#postgres = undefined;
      throw error;
    }
  }

  async #startPostgres(): Promise<PostgresServer> {
    const bin = toolPaths(process.env).postgresBin;
    if (bin === undefined) throw new Error("No PostgreSQL: run `node setup/main.mjs --postgres` first.");
    this.#postgresPort ||= await keptPort();
    const dataDir = join(this.folder, "postgres");
    const isNew = !existsSync(dataDir);
    const server = await startPostgresServer({ dataDir, bin, port: this.#postgresPort });
    // The workers' DSN is fixed before the cluster and its drawn password are there.
    if (isNew) await execute(server.adminDsn, [`CREATE ROLE drill LOGIN SUPERUSER PASSWORD 'drill'`]);
    return server;
  }

  async stopPostgres(): Promise<void> {
    const running = this.#postgres;
    this.#postgres = undefined;
    await (await running?.catch(() => undefined))?.stop();
  }

  packagesOf(host: DrillHost): string {
    return join(this.folder, `host-${host.name}`, "packages");
  }

  hasDisk(host: DrillHost): boolean {
    return this.#mounted.includes(this.packagesOf(host));
  }

  #host(name: string, ownDisk: boolean): DrillHost {
    const home = join(this.folder, `host-${name}`);
    const packages = join(home, "packages");
    mkdirSync(packages, { recursive: true });
    if (ownDisk && mountDisk(packages)) this.#mounted.push(packages);
    return new DrillHost(name, {
      file: process.execPath,
      args: [
        ...["--require", join(__dirname, "clock-preload.cjs")],
        ...(this.#mounted.includes(packages) ? [] : ["--require", join(__dirname, "disk-preload.cjs")]),
        ...[join(REPOSITORY, "bin", "tidemark"), "drill-host"],
      ],
      cwd: this.folder,
      env: this.env(home),
    });
  }

  env(home: string): NodeJS.ProcessEnv {
    return {
      ...process.env,
      NODE_PATH: join(REPOSITORY, "node_modules"),
      MALLOC_ARENA_MAX: "2",
      TEMPORAL_ADDRESS: this.address,
      TIDEMARK_HOME: home,
      TIDEMARK_PIPELINES: join(this.folder, "pipelines"),
      TIDEMARK_TASK_QUEUE: this.queue,
      DUCKDB_PATH: join(this.folder, "unused.duckdb"),
      DRILL_POSTGRES: `postgresql://drill:drill@127.0.0.1:${this.#postgresPort}/postgres`,
    };
  }

  writeSpec(name: string, spec: object): void {
    writeFileSync(join(this.folder, "pipelines", `${name}.json`), JSON.stringify(spec, null, 2));
  }

  /** Both hosts up, with the clock as it is. */
  async heal(): Promise<void> {
    this.proxy.behave();
    for (const host of this.hosts) {
      host.resume();
      await host.start();
      host.tell({ clock: 0 });
    }
  }

  /** After a round that got stuck: new processes, so that the next round meets nothing of it. */
  async replaceHosts(): Promise<void> {
    for (const host of this.hosts) {
      host.resume();
      await host.kill();
      await host.start();
    }
  }

  /** @param keep leaves the folder, to look at what went wrong */
  async stop(keep: boolean): Promise<void> {
    this.#over = true;
    await Promise.all((this.hosts ?? []).map(host => host.retire()));
    // Lazily: a last file that somebody still holds goes with its holder.
    for (const folder of this.#mounted.splice(0)) execFileSync("umount", ["--lazy", folder]);
    this.proxy?.stop();
    this.api.stop();
    await this.#connection?.close();
    await this.killServer();
    await this.stopPostgres();
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A free port below those that the system gives to outgoing connections: it is still free after a restart. */
async function keptPort(): Promise<number> {
  for (;;) {
    const wanted = 15_000 + Math.floor(Math.random() * 17_000);
    if ((await freePort(wanted)) === wanted) return wanted;
  }
}

/** A small disk of its own in place of a folder; false where this user may not mount one. */
export function mountDisk(folder: string): boolean {
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK_MB}m`, "tmpfs", folder], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}
