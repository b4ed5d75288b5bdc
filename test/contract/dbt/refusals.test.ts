/** What the real dbt refuses before it opens a database reaches the user in dbt's words; what a database says does not. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { TidemarkError } from "../../../src/pipeline/errors";
import type { DbtSpec } from "../../../src/pipeline/spec";
import { casesOf, whole } from "../../support/whole";
import { type Lane, openLane, writeProject } from "./dbt-lane";

const DEV = (more = "") =>
  `shop: {target: dev, outputs: {dev: {type: duckdb, path: "{{ env_var('DUCKDB_PATH') }}", schema: analytics${more}}}}\n`;
const PROJECT = "name: shop\nversion: '1.0'\nprofile: shop\n";
const FILES = {
  "dbt_project.yml": PROJECT,
  "profiles.yml": DEV(),
  "models/one.sql": "select 1 as id",
};

describe("dbt's own refusals", () => {
  let lane: Lane;
  beforeAll(() => {
    lane = openLane();
  });
  afterAll(() => lane.remove());

  let projects = 0;
  const run = (files: { [path: string]: string }, spec: Partial<DbtSpec> = {}, more = {}) => {
    const project_dir = writeProject(join(lane.folder, `p${++projects}`), { ...FILES, ...files });
    const dbt = { project_dir, profiles_dir: project_dir, target: "", freshness: true, full_refresh: false };
    return lane.dbt({ dbt: { ...dbt, ...spec }, ...more });
  };
  const refusal = (...args: Parameters<typeof run>): Promise<TidemarkError> =>
    run(...args).then(
      () => {
        throw new Error("dbt took it");
      },
      error => error as TidemarkError,
    );

  const REFUSALS: [string, { [path: string]: string }, Partial<DbtSpec>, RegExp][] = [
    [
      "no such target",
      {},
      { target: "duckdb" },
      /The profile 'shop' does not have a target named 'duckdb'\. The valid target names for this profile are: - dev.*transform\.dbt\.target or DBT_TARGET/,
    ],
    [
      "a profile typo",
      { "dbt_project.yml": PROJECT.replace("profile: shop", "profile: shp") },
      {},
      /Could not find profile named 'shp'.*transform\.dbt\.profiles_dir/,
    ],
    [
      "another version of dbt",
      { "dbt_project.yml": `${PROJECT}require-dbt-version: ">=7.5.0"\n` },
      {},
      /This version of dbt is not supported with the 'shop' package\. Installed version of dbt: =1\..* Required version of dbt for 'shop': \['>=7\.5\.0'\]/,
    ],
    [
      "a dbt_project.yml that is no YAML",
      { "dbt_project.yml": `${PROJECT}x: [\n` },
      {},
      /Syntax error near line \d+ while parsing a flow node/,
    ],
    [
      "a dbt_project.yml with a wrong value",
      { "dbt_project.yml": `${PROJECT}model-paths: models\n` },
      {},
      /at path \['model-paths'\]: … is not valid/,
    ],
    [
      "a profile with a wrong value",
      { "profiles.yml": DEV(", password: planted, settings: planted") },
      {},
      /Credentials in profile "shop", target "dev" invalid: … is not valid/,
    ],
    [
      "a variable that the profile reads and nobody has set",
      { "profiles.yml": DEV(`, x: "{{ env_var('NOT_SET') }}"`) },
      {},
      /Env var required but not provided: 'NOT_SET'/,
    ],
    [
      "models in a circle",
      {
        "models/one.sql": "select * from {{ ref('two') }}",
        "models/two.sql": "select * from {{ ref('one') }}",
      },
      {},
      /Found a cycle: model\.shop\.\w+ --> model\.shop\.\w+/,
    ],
    [
      "a profile with a value that is broken Jinja",
      { "profiles.yml": DEV(', x: "{{ planted("') },
      {},
      /Could not render a value of the project's files: its Jinja is wrong/,
    ],
    [
      "two models of one name",
      { "models/more/one.sql": "select 2 as id" },
      {},
      /dbt found two models with the name "one".*models\/more\/one\.sql/,
    ],
    [
      "a project without a profile",
      { "dbt_project.yml": PROJECT.replace("profile: shop\n", "") },
      {},
      /no profile was specified/,
    ],
    [
      "a method without a selector's name",
      {},
      { selector: "nightly" },
      /Could not find selector named nightly/,
    ],
    ["no such selector", {}, { select: "nosuchmethod:x" }, /'nosuchmethod' is not a valid method name/],
  ];
  // One from each of dbt's own places: command line, profile, project, parser.
  const COVERING = [
    "no such target",
    "another version of dbt",
    "a profile with a wrong value",
    "a dbt_project.yml with a wrong value",
    "models in a circle",
  ];
  test.each(casesOf(REFUSALS, ([name]) => COVERING.includes(name)))("%s", async (_, files, spec, words) => {
    const error = await refusal(files, spec);
    expect(error).toMatchObject({ code: "DBT_COMPILE", kind: "terminal", step: "transform" });
    expect(error.message).toMatch(words);
    expect(error.message).not.toMatch(/planted|may quote rows/);
  });

  whole("a model in Python that misses a module is told by the module's name", async () => {
    const model =
      "import no_such_module\ndef model(dbt, session):\n    return session.sql('select 1 as id')\n";
    const error = await refusal({ "models/py.py": model });
    expect(error).toMatchObject({ code: "DBT_CRASHED" });
    expect(error.message).toContain("ModuleNotFoundError: No module named 'no_such_module'");
  });

  test("profiles_dir without profiles, as the freshness step meets it", async () => {
    const profiles_dir = join(lane.folder, "empty");
    mkdirSync(profiles_dir);
    const error = await refusal({}, { profiles_dir }, { kind: "freshness" });
    expect(error).toMatchObject({ code: "DBT_COMPILE", kind: "terminal" });
    expect(error.message).toContain(
      `Could not find profile named 'shop'. It was looked for in ${profiles_dir}`,
    );
  });

  test("without a target the profile's own default is built; DBT_TARGET chooses another", async () => {
    const two = DEV().replace(
      "outputs: {",
      "outputs: {other: {type: duckdb, path: \"{{ env_var('DUCKDB_PATH') }}\", schema: of_other}, ",
    );
    const built = await run({ "profiles.yml": two, "models/sources.yml": "version: 2\n" });
    expect(built.success).toBe(true);
    const schemas = () => lane.sql("SELECT table_schema FROM information_schema.tables ORDER BY 1");
    expect(await schemas()).toEqual([{ table_schema: "analytics" }]);
    await run({ "profiles.yml": two }, {}, { env: { ...lane.options().env, DBT_TARGET: "other" } });
    expect(await schemas()).toEqual([{ table_schema: "analytics" }, { table_schema: "of_other" }]);
  });

  test("what the database says in a hook quotes no row", async () => {
    const error = await refusal({
      "dbt_project.yml": `${PROJECT}on-run-start: ["select cast('planted' as int)"]\n`,
    });
    expect(error.message).toMatch(/on-run-start.*Conversion Error: Could not convert string '…'/);
    expect(error.message).not.toContain("planted");
  });
});
