/**
 * The programs that `dlt init` begins with, from the installed dlt, through the bridge and by dlt: equal tables, twice in
 * a row. Their APIs are a local server. On demand: TIDEMARK_DLT_TEMPLATES=1; with TIDEMARK_DLT_PYTHON=<python> that has
 * another version of dlt.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import { DltProject, PYTHON } from "../../support/dlt-project";

jest.setTimeout(300_000);

const TEMPLATES: [program: string, source: string, needs: string][] = [
  ["arrow_pipeline", "source", "pyarrow"],
  ["dataframe_pipeline", "source", "pandas"],
  ["debug_pipeline", "source", ""],
  ["fruitshop_pipeline", "fruitshop", ""],
  ["requests_pipeline", "chess", ""],
  ["github_api_pipeline", "github_source", ""],
  ["rest_api_pipeline", "github_source", ""],
];
const PLACES = ["_workspace/_templates", "sources"].flatMap(place =>
  ["_single_file_templates", "_core_source_templates"].map(kind => join(place, kind)),
);
const HOSTS = /https:\/\/(api\.chess\.com|api\.github\.com)/g;

/** The templates ask for what is younger than a month. */
const STARTED = Date.now();
const HOUR_MS = 3_600_000;

const wanted = process.env.TIDEMARK_DLT_TEMPLATES === "1";
const lines = (code: string) =>
  execFileSync(PYTHON, ["-W", "ignore", "-c", code], { encoding: "utf8" }).trim();

/** Pages of two, linked as the templates' APIs link theirs. */
function answer(url: URL): { body: unknown; next?: string } {
  const page = Number(url.searchParams.get("page") ?? 1);
  const next = page < 3 ? `${url.pathname}?page=${page + 1}` : undefined;
  const rows = [2 * page, 2 * page + 1].map(id => ({
    id,
    number: id,
    title: `title ${id}`,
    updated_at: `${new Date(STARTED - id * HOUR_MS).toISOString().slice(0, 19)}Z`,
    user: { id: id * 7, login: `u${id}` },
    labels: [{ id: id * 11, name: "bug" }],
    score: id / 3,
  }));
  if (url.pathname.includes("/games/"))
    return { body: { games: rows.map(row => ({ url: `g${row.id}`, white: row.user, moves: [1, 2] })) } };
  if (url.pathname.startsWith("/pub/player/")) {
    const username = url.pathname.split("/").at(-1)!;
    return { body: { player_id: username.length, username, joined: 1_291_838_336, status: "premium" } };
  }
  return { body: rows, ...(next === undefined ? {} : { next }) };
}

(wanted ? describe : describe.skip)("dlt's own templates", () => {
  let server: Server;
  let base: string;
  let folder: string;
  beforeAll(async () => {
    server = createServer((request, response) => {
      const { body, next } = answer(new URL(request.url!, base));
      response.writeHead(200, {
        "content-type": "application/json",
        ...(next === undefined ? {} : { link: `<${base}${next}>; rel="next"` }),
      });
      response.end(JSON.stringify(body));
    });
    await new Promise<void>(up => server.listen(0, "127.0.0.1", up));
    base = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
    folder = lines("import dlt, os; print(os.path.dirname(dlt.__file__))");
    process.stdout.write(`dlt ${lines("import dlt; print(dlt.__version__)")}\n`);
  });
  afterAll(() => server?.close());

  test.each(TEMPLATES)("%s", async (program, source, needs) => {
    const file = PLACES.map(place => join(folder, place, `${program}.py`)).find(path => existsSync(path));
    if (file === undefined) throw new Error(`This dlt has no template ${program}.`);
    if (
      needs !== "" &&
      !lines(`import importlib.util as u; print(u.find_spec("${needs}"))`).startsWith("ModuleSpec")
    ) {
      process.stdout.write(`${program}: not run, there is no ${needs}\n`);
      return;
    }
    const text = readFileSync(file, "utf8").replaceAll(HOSTS, base).replaceAll("time.time()", "1.5");
    const project = new DltProject({ [`${program}.py`]: text });
    try {
      const call = { module: program, source };
      for (let run = 0; run < 2; run++) await project.ours(call);
      await project.dlt(call, [{}, {}]);
      expect(await project.differences()).toEqual([]);
      const [rows] = await project.attached(query =>
        query(
          "SELECT sum(estimated_size) AS n FROM duckdb_tables() WHERE database_name = 'ours' AND table_name NOT LIKE '_dlt%'",
        ),
      );
      expect(Number(rows!.n)).toBeGreaterThan(0);
    } finally {
      project.remove();
    }
  });
});
