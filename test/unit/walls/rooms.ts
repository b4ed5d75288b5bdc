/**
 * Who may import whom, as one table. imports.test.ts holds the code to it; docs/architecture.md prints it
 * (`npx tsx test/unit/walls/rooms.ts` gives the Markdown, and a test compares the two).
 */

export interface Room {
  /** Folder or file below src/, without extension. The longest match owns a file. */
  place: string;
  job: string;
  /** Rooms it may import. `sources/*` stands for every folder below src/sources. */
  imports: readonly string[];
  /** Rooms it may import with `import type` only. */
  types?: readonly string[];
  /** Packages it may import. Every other room must not. */
  vendors?: readonly string[];
  /** Node's own modules are allowed unless this says false: workflow code runs in a sandbox without them. */
  node?: false;
}

export const ROOMS: readonly Room[] = [
  // ---- the package's entries
  {
    place: "index",
    job: "`tidemark`: what pipeline modules import",
    imports: ["project-file", "pipeline", "json", "sources/code"],
  },

  // ---- words
  { place: "pipeline", job: "the words: names, specs, infos, errors", imports: [], node: false },
  {
    place: "json",
    job: "exact JSON, values of rows, JSONPath",
    imports: ["pipeline"],
  },
  {
    place: "schema",
    job: "dlt's schema: names, types, hints, hashes, contracts",
    imports: ["pipeline", "json"],
  },
  {
    place: "columns",
    job: "pages of columns: typed buffers instead of row objects",
    imports: ["pipeline", "json"],
  },
  { place: "state", job: "dlt's pipeline state and cursors", imports: ["pipeline", "json"] },

  {
    place: "project-modules",
    job: "JavaScript and TypeScript modules of the user's project",
    imports: ["pipeline"],
  },
  {
    place: "project-file",
    job: "tidemark.config: where a project's things are",
    imports: ["pipeline", "project-modules"],
  },

  // ---- engine
  {
    place: "postgres-connection",
    job: "PostgreSQL's connections, from settings as libpq and dlt read them",
    imports: ["pipeline"],
    vendors: ["pg"],
  },
  {
    place: "made-here",
    job: "a text kept in a file by which a place on disk is known; notices copies",
    imports: [],
  },
  { place: "package", job: "load packages on disk", imports: ["pipeline", "made-here"] },
  {
    place: "processes",
    job: "other programs in a process group of their own, ended as a whole",
    imports: [],
    vendors: ["zod"],
  },
  {
    place: "sources",
    job: "what a source is; hints that all sources share",
    imports: ["pipeline", "json"],
    types: ["columns"],
    vendors: ["zod"],
  },
  { place: "sources/registry", job: "the list of sources", imports: ["sources", "sources/*"] },
  {
    place: "sources/http",
    job: "HTTP with dlt's retries; no source of its own",
    imports: ["pipeline", "json"],
    vendors: ["undici", "zstddec"],
  },
  {
    place: "sources/rest-api",
    job: "dlt's REST config",
    imports: ["pipeline", "json", "sources", "sources/http"],
    vendors: ["zod"],
  },
  {
    place: "sources/sql",
    job: "PostgreSQL: queries and reflected tables",
    imports: ["pipeline", "json", "columns", "postgres-connection", "sources"],
    vendors: ["zod", "pg", "pg-cursor", "pg-copy-streams"],
  },
  {
    place: "sources/code",
    job: "generators of the user's modules",
    imports: ["pipeline", "json", "sources", "project-modules"],
    vendors: ["zod"],
  },
  {
    place: "sources/dlt",
    job: "dlt projects: their own Python extracts, by the bridge in `python/`",
    imports: ["pipeline", "json", "sources", "dlt-project", "processes"],
    vendors: ["zod"],
  },
  {
    place: "extract",
    job: "rows of a resource to files; incremental rules",
    imports: ["pipeline", "json", "columns", "schema", "state", "package"],
    types: ["sources"],
  },
  {
    place: "normalize",
    job: "rows to tables, types and parquet files",
    imports: ["pipeline", "json", "columns", "schema", "package"],
    types: ["destinations"],
  },
  {
    place: "load",
    job: "the steps of one load: begin, extract, normalize, commit, keep the cursor",
    imports: ["pipeline", "json", "schema", "state", "package", "extract", "normalize", "destinations"],
    types: ["sources"],
  },
  {
    place: "destinations",
    job: "what a destination is; rules that all destinations share",
    imports: ["pipeline", "json", "schema"],
    vendors: ["zod"],
  },
  {
    place: "destinations/registry",
    job: "the list of destinations",
    imports: ["pipeline", "destinations", "destinations/*"],
  },
  {
    place: "destinations/one-transaction",
    job: "a package or a publication in one transaction: SQL and order that DuckDB and PostgreSQL share",
    imports: ["pipeline", "json", "schema", "destinations"],
  },
  {
    place: "destinations/duckdb",
    job: "DuckDB",
    imports: ["made-here", "pipeline", "json", "schema", "destinations", "destinations/one-transaction"],
    vendors: ["@duckdb/node-api", "zod"],
  },
  {
    place: "package-rows",
    job: "rows of package files as texts, for destinations that read no files",
    imports: [],
    vendors: ["@duckdb/node-api"],
  },
  {
    place: "destinations/databricks",
    job: "Databricks: staging into a Volume, one commit per table",
    imports: ["pipeline", "json", "schema", "package-rows", "destinations"],
    vendors: ["@databricks/sql", "zod", "yaml"],
  },
  {
    place: "destinations/postgres",
    job: "PostgreSQL: COPY, one transaction per package",
    imports: [
      "pipeline",
      "schema",
      "package-rows",
      "postgres-connection",
      "destinations",
      "destinations/one-transaction",
    ],
    vendors: ["pg", "pg-copy-streams", "zod"],
  },
  {
    place: "transform",
    job: "dbt as a repeatable step",
    imports: ["pipeline", "processes"],
    vendors: ["zod"],
  },
  {
    place: "gate",
    job: "promote, review or block",
    imports: ["pipeline", "transform"],
    types: ["destinations"],
    vendors: ["zod"],
  },
  {
    place: "dlt-project",
    job: "dlt's settings and secrets as dlt finds them; what a dlt project holds",
    imports: ["pipeline"],
    vendors: ["smol-toml"],
  },
  {
    place: "spec",
    job: "reads, checks and resolves pipeline specs",
    imports: [
      "pipeline",
      "schema",
      "sources",
      "sources/registry",
      "destinations",
      "destinations/registry",
      "dlt-project",
      "project-modules",
    ],
    types: ["config"],
    vendors: ["zod", "yaml"],
  },
  {
    place: "doctor",
    job: "what is missing or wrong, without a warehouse",
    imports: [
      "pipeline",
      "spec",
      "transform",
      "sources",
      "sources/registry",
      "destinations/registry",
      "tools",
    ],
    types: ["config", "destinations"],
  },

  // ---- Temporal
  {
    place: "workflows",
    job: "the order: sequence, waiting, signals",
    imports: ["pipeline"],
    types: ["activities"],
    vendors: ["@temporalio/workflow", "@temporalio/common"],
    node: false,
  },
  {
    place: "activities",
    job: "the door between Temporal and the engine",
    imports: [
      ...[
        "pipeline",
        "json",
        "schema",
        "state",
        "package",
        "extract",
        "normalize",
        "load",
        "transform",
        "gate",
        "notify",
      ],
      ...["spec", "sources", "destinations", "destinations/registry", "tools"],
    ],
    types: ["config"],
    vendors: ["@temporalio/activity", "@temporalio/common"],
  },

  // ---- composition and the way in
  {
    place: "config",
    job: "the only reader of process.env",
    imports: ["pipeline", "tools", "dlt-project", "project-file"],
    vendors: ["dotenv", "@temporalio/envconfig"],
  },
  {
    place: "data-converter",
    job: "the project's own Temporal data converter",
    imports: ["project-file"],
    types: ["config"],
    vendors: ["@temporalio/common"],
  },
  { place: "tools", job: "where dbt, Temporal and PostgreSQL are", imports: [] },
  {
    place: "workflow-bundle",
    job: "builds and keeps the workflows' bundle",
    imports: [],
    vendors: ["@temporalio/worker"],
  },
  {
    place: "plugin",
    job: "`tidemark/plugin`: activities, workflows and this host's own workers, in any Temporal worker",
    imports: [
      ...["pipeline", "activities", "config", "data-converter", "package", "sources/code"],
      "workflow-bundle",
    ],
    vendors: ["@temporalio/plugin", "@temporalio/worker", "@temporalio/common"],
  },
  {
    place: "testing",
    job: "`tidemark/testing`: a pipeline in a user's test",
    imports: ["pipeline", "config", "plugin", "sources/code", "spec", "tools"],
    vendors: ["@duckdb/node-api", "@temporalio/testing", "@temporalio/worker"],
  },
  {
    place: "worker",
    job: "a worker of our own: connection, log, plugin",
    imports: ["pipeline", "activities", "dev-server", "package", "plugin", "runtime", "worker-health"],
    types: ["config"],
    vendors: ["@temporalio/worker"],
  },
  {
    place: "runtime",
    job: "one per process: the SDK's runtime, with log and metrics endpoint",
    imports: [],
    vendors: ["@temporalio/worker"],
  },
  {
    place: "notify",
    job: "tells people what happened to a run: webhooks and commands",
    imports: ["pipeline", "processes", "sources/http"],
  },
  {
    place: "worker-health",
    job: "whether a worker takes tasks, as the server sees it",
    imports: [],
    vendors: ["@temporalio/worker"],
  },
  {
    place: "dev-server",
    job: "the local Temporal server",
    imports: ["pipeline", "tools"],
    types: ["config"],
    vendors: ["@temporalio/client"],
  },
  {
    place: "client",
    job: "starts, follows and steers runs over a Temporal client",
    imports: ["pipeline"],
    types: ["workflows"],
    vendors: ["@temporalio/client", "@temporalio/common"],
  },
  {
    place: "connect",
    job: "the way to a Temporal server: the configured one, else the local one",
    imports: ["pipeline", "data-converter", "dev-server"],
    types: ["config"],
    vendors: ["@temporalio/client"],
  },
  {
    place: "report",
    job: "one HTML page on what a pipeline did: gathered, drawn, without a script",
    imports: ["pipeline", "package", "state", "transform", "client"],
    types: ["destinations"],
    vendors: ["@temporalio/client"],
  },
  {
    place: "drill",
    job: "faults on purpose: their plan, hosts to strike, tables compared, what was found",
    imports: [
      "pipeline",
      "schema",
      "state",
      "load",
      "destinations",
      "destinations/registry",
      "spec",
      "worker",
    ],
    types: ["config"],
    vendors: ["@temporalio/client"],
  },
  {
    place: "init",
    job: "writes a project of one's own from templates",
    imports: ["pipeline"],
  },
  {
    place: "cli",
    job: "one file per command",
    imports: [
      ...[
        "pipeline",
        "json",
        "state",
        "package",
        "load",
        "gate",
        "report",
        "doctor",
        "spec",
        "dlt-project",
        "sources",
        "sources/dlt",
        "destinations",
      ],
      ...[
        "destinations/registry",
        "client",
        "config",
        "connect",
        "dev-server",
        "drill",
        "init",
        "tools",
        "transform",
        "worker",
      ],
    ],
    types: ["worker-health"],
    vendors: ["commander", "cli-table3", "@temporalio/client", "@temporalio/common"],
  },
];

/** The room that owns a file, by its path below src/ without extension. */
export function roomOf(path: string): Room | undefined {
  return ROOMS.filter(({ place }) => path === place || path.startsWith(`${place}/`)).sort(
    (a, b) => b.place.length - a.place.length,
  )[0];
}

/** True when `list` names the place, itself or by `folder/*`. */
export function names(list: readonly string[], place: string): boolean {
  return list.some(entry =>
    entry.endsWith("/*") ? place.startsWith(entry.slice(0, -1)) && place !== entry : entry === place,
  );
}

/** The table as Markdown. */
export function printRooms(): string {
  const code = (list: readonly string[]) => list.map(entry => `\`${entry}\``).join(", ");
  const lines = ROOMS.map(({ place, job, imports, types = [], vendors = [] }) => {
    const own = [code(imports), ...(types.length > 0 ? [`types of ${code(types)}`] : [])].filter(Boolean);
    return `| \`${place}\` | ${job} | ${own.join("; ") || "nothing"} | ${code(vendors)} |`;
  });
  return ["| room in `src/` | its job | may import | its packages |", "|---|---|---|---|", ...lines].join(
    "\n",
  );
}

if (require.main === module) console.log(printRooms());
