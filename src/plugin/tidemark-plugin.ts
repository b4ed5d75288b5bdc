/**
 * Tidemark in a worker of somebody else's: its activities, its workflows, and the workers of this host's own queues. The one
 * file that knows @temporalio/plugin. Nothing of the process is touched: no Runtime, no signal handler, no environment.
 */
import { mkdirSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Logger } from "@temporalio/common";
import { SimplePlugin } from "@temporalio/plugin";
import {
  type BundleOptions,
  type ReplayWorkerOptions,
  Runtime,
  type Worker,
  type WorkerOptions,
} from "@temporalio/worker";
import {
  closeDestinations,
  closeWarmDbt,
  createActivities,
  defaultPlace,
  workerIdentity,
} from "../activities";
import { type Config, type ProjectSettings, projectConfig } from "../config";
import { dataConverterOf } from "../data-converter";
import { TidemarkError } from "../pipeline/errors";
import type { ProgressEvent } from "../pipeline/infos";
import { ACTIVITY_PREFIX, activityTypes, WORKFLOW_LOAD } from "../pipeline/names";
import { type CodeGenerator, type CodeSource, registerSources } from "../sources/code/registered";
import { ownWorkflowsPath, workflowBundle } from "../workflow-bundle";
import { type HostOptions, isServing, runWithHostWorkers } from "./host-workers";
import { requireOneSdk } from "./sdk-check";
import { requireWorkflows } from "./workflow-check";

export interface TidemarkPluginOptions {
  /** Folder of the project, with `pipelines/`, `dbt/`, `.env`; its files go to `.tidemark/`. Default: the working folder. */
  project?: string;
  /** Sources of your code, by the name that specs call them: `source: { type: code, source: shop }`. */
  sources?: { [name: string]: CodeSource | CodeGenerator };
  /** In place of what the project's environment says. Relative paths start at `project`. */
  config?: ProjectSettings;
  /** For lines about the worker itself; default: the Runtime's. Steps log as every activity does. */
  logger?: Pick<Logger, "warn">;
  /** Every sign of progress of the steps that run here. */
  onProgress?: (event: ProgressEvent) => void;
}

/** Temporal's name of the plugin, by which a second one is known. */
const NAME = "tidemark.plugin";

/** What belongs to one worker that the plugin configured; known by one of its activities. */
interface Bound extends HostOptions {
  /** Activities of the owner in place of ours of an old name. */
  hidden: string[];
}
const bound = new WeakMap<object, Bound>();
const KNOWN_BY = `${ACTIVITY_PREFIX}resolveRun`;

/**
 * `Worker.create({ …, plugins: [new TidemarkPlugin({ project: __dirname })] })`. The workflows come from the worker's own file
 * (`export * from "tidemark/workflows"`); a worker without workflows is given ours.
 */
export class TidemarkPlugin extends SimplePlugin {
  readonly #settings: TidemarkPluginOptions;
  /** Under which name the worker's code exports workflow `load`. */
  #load = WORKFLOW_LOAD;

  constructor(options: TidemarkPluginOptions = {}) {
    super({ name: NAME });
    this.#settings = options;
  }

  /**
   * @throws TidemarkError SDK_MISMATCH, PLUGIN_TWICE, PROJECT_UNUSABLE, NAME_TAKEN, WORKFLOWS_MISSING, SPEC_INVALID;
   *   as a rejection: the SDK awaits what comes back, which SimplePlugin's type does not say
   */
  override configureWorker(options: WorkerOptions): WorkerOptions {
    return this.#configured(options) as unknown as WorkerOptions;
  }

  async #configured(given: WorkerOptions): Promise<WorkerOptions> {
    // A worker of this host's queues, by a connection that has the plugin.
    const known = (given.activities as { [type: string]: object } | undefined)?.[KNOWN_BY];
    if (known !== undefined && bound.has(known)) return given;
    requireOneSdk();
    if ((given.plugins ?? []).filter(({ name }) => name === NAME).length > 1) {
      throw new TidemarkError(
        "PLUGIN_TWICE",
        "The worker has Tidemark's plugin twice: leave one out. A plugin of the connection counts for its workers too.",
      );
    }
    const options = super.configureWorker(given);
    const config = this.#config(options);
    const dataConverter = options.dataConverter ?? dataConverterOf(config);
    const stopping = new AbortController();
    const activities = activityTypes<unknown>(
      createActivities({
        config,
        observe: this.#settings.onProgress,
        stopping: stopping.signal,
        servesHost: true,
        loadWorkflow: () => this.#load,
      }),
    );
    const own = Object.keys(options.activities ?? {});
    const taken = own.filter(type => type.startsWith(ACTIVITY_PREFIX) && type in activities);
    if (taken.length > 0) {
      throw new TidemarkError(
        "NAME_TAKEN",
        `The worker has activities of its own under names of Tidemark's: ${taken.join(", ")}. Rename them.`,
      );
    }
    bound.set(activities[KNOWN_BY] as object, {
      config,
      activities,
      stopping,
      warn: this.#warn,
      ownConnection: options.connection === undefined,
      hidden: own.filter(type => type in activities),
    });
    return {
      ...options,
      dataConverter,
      identity: options.identity ?? workerIdentity("worker", await defaultPlace(config, this.#warn)),
      // An old name of ours is for histories of before; an activity of the owner's comes first.
      activities: { ...activities, ...options.activities },
      ...(await this.#workflows({ ...options, dataConverter }, config)),
    };
  }

  override configureReplayWorker(options: ReplayWorkerOptions): ReplayWorkerOptions {
    const configured = super.configureReplayWorker(options);
    const has = configured.workflowsPath !== undefined || configured.workflowBundle !== undefined;
    return has ? configured : { ...configured, workflowsPath: ownWorkflowsPath() };
  }

  override configureBundler(options: BundleOptions): BundleOptions {
    const configured = super.configureBundler(options);
    const { webpackConfigHook } = configured;
    const look = {
      apply: (compiler: Compiler) =>
        compiler.hooks.emit.tap(NAME, compilation => {
          for (const { source } of compilation.getAssets()) {
            this.#load = requireWorkflows(source.source().toString());
          }
        }),
    };
    return {
      ...configured,
      workflowsPath: configured.workflowsPath ?? ownWorkflowsPath(),
      webpackConfigHook: config => {
        const hooked = webpackConfigHook?.(config) ?? config;
        return { ...hooked, plugins: [...(hooked.plugins ?? []), look as never] };
      },
    };
  }

  override async runWorker(worker: Worker, next: (worker: Worker) => Promise<void>): Promise<void> {
    const known = worker.options.activities.get(KNOWN_BY);
    const binding = known === undefined ? undefined : bound.get(known);
    if (binding?.config.taskQueue !== worker.options.taskQueue) return await super.runWorker(worker, next);
    if (binding.hidden.length > 0) {
      this.#warn(
        `Activities of the worker's owner stand in place of Tidemark's of the same old name: ${binding.hidden.join(", ")}. ` +
          "Only runs that began before names had a prefix ask for those.",
      );
    }
    try {
      await runWithHostWorkers(worker, () => super.runWorker(worker, next), binding);
    } finally {
      // What activities kept open between steps; another worker of this process may use it still.
      if (!isServing()) await Promise.all([closeDestinations(), closeWarmDbt()]);
    }
  }

  readonly #warn = (note: string): void => {
    (this.#settings.logger ?? Runtime.instance().logger).warn(note);
  };

  /** @throws TidemarkError PROJECT_UNUSABLE, SPEC_INVALID */
  #config({ namespace = "default", taskQueue }: WorkerOptions): Config {
    const project = resolve(this.#settings.project ?? ".");
    if (!statSync(project, { throwIfNoEntry: false })?.isDirectory()) {
      throw new TidemarkError("PROJECT_UNUSABLE", `The project's folder ${project} is not there.`);
    }
    const config = projectConfig(project, this.#settings.config);
    try {
      mkdirSync(config.packageRoot, { recursive: true });
    } catch (error) {
      throw new TidemarkError(
        "PROJECT_UNUSABLE",
        `The folder ${config.packageRoot}, where load packages go, cannot be made (${(error as { code?: string }).code}). ` +
          "Let the worker write there, or set TIDEMARK_HOME (`config: { home }`) to a folder that it may write.",
      );
    }
    const sources = registerSources(config.sources ?? {}, this.#settings.sources);
    return { ...config, taskQueue: taskQueue ?? config.taskQueue, namespace, sources };
  }

  async #workflows(options: WorkerOptions, config: Config): Promise<Partial<WorkerOptions>> {
    const { workflowBundle: bundle, workflowsPath, dataConverter, interceptors } = options;
    if (bundle !== undefined) {
      this.#load = requireWorkflows("code" in bundle ? bundle.code : await readFile(bundle.codePath, "utf8"));
      return {};
    }
    // With a path, the bundler asks configureBundler.
    if (workflowsPath !== undefined) return {};
    // What a bundle must hold of the owner's is not in ours.
    const { payloadConverterPath, failureConverterPath } = dataConverter ?? {};
    const modules = interceptors?.workflowModules ?? [];
    if (payloadConverterPath !== undefined || failureConverterPath !== undefined || modules.length > 0) {
      return { workflowsPath: ownWorkflowsPath() };
    }
    return { workflowBundle: { codePath: await workflowBundle(config.cacheDir) } };
  }
}

/** As much of webpack's as is used here. */
interface Compiler {
  hooks: {
    emit: {
      tap(
        name: string,
        look: (compilation: { getAssets(): { source: { source(): string | Buffer } }[] }) => void,
      ): void;
    };
  };
}
