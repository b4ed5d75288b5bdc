/** Profiles of the Databricks CLI as the destination's account, for the loader, dbt and the doctor. */
import { chmodSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loginOf } from "../../../src/destinations/databricks/cli-profile";
import { DATABRICKS_DBT } from "../../../src/destinations/databricks/dbt-adapter";
import { checkBundle, checkEnvironment } from "../../../src/destinations/databricks/doctor";
import { resolveDatabricks } from "../../../src/destinations/databricks/spec";

const folder = mkdtempSync(join(tmpdir(), "tidemark-profile-"));
const file = join(folder, "databrickscfg");
writeFileSync(
  file,
  `; written by the CLI
[DEFAULT]
host = https://adb-1.azuredatabricks.net/
token = dapi-planted

[robot]
host=https://adb-2.azuredatabricks.net
client_id = the-id
client_secret = the-secret

# a login by the browser
[person]
host      = https://adb-3.azuredatabricks.net
auth_type = databricks-cli
warehouse_id = w3
`,
);
const ENV = {
  DATABRICKS_CONFIG_FILE: file,
  DATABRICKS_CATALOG: "main",
  DATABRICKS_HTTP_PATH: "/sql/1.0/warehouses/w",
};
const resolve = (given: object, env: { [name: string]: string } = {}) =>
  resolveDatabricks({ type: "databricks", ...given }, { ...ENV, ...env }, undefined);

/** A program that stands for the CLI. */
function cli(script: string): string {
  const bin = mkdtempSync(join(folder, "bin-"));
  const program = join(bin, "databricks");
  writeFileSync(program, `#!${process.execPath}\n${script}`);
  chmodSync(program, 0o755);
  return program;
}

describe("who a profile is", () => {
  test("a token or a service principal that the file holds", async () => {
    expect(await loginOf({ profile: "DEFAULT", config_file: file })).toEqual({ token: "dapi-planted" });
    expect(await loginOf({ profile: "robot", config_file: file })).toEqual({
      client_id: "the-id",
      client_secret: "the-secret",
    });
  });

  test("the CLI is asked where a person logged in, for that profile of that file", async () => {
    const program =
      cli(`console.log(JSON.stringify({ access_token: process.argv.slice(2).join(" ") + " " + process.env.DATABRICKS_CONFIG_FILE,
      token_type: "Bearer", expiry: "2031-01-02T03:04:05.6Z" }))`);
    expect(await loginOf({ profile: "person", config_file: file }, program)).toEqual({
      token: `auth token --profile person ${file}`,
      until: Date.parse("2031-01-02T03:04:05.6Z"),
    });
  });

  test.each([
    [
      "an ended login",
      "process.exit(1)",
      /no token for profile "person": the login has ended.*databricks auth login --profile person/,
    ],
    ["an answer without a token", 'console.log("{}")', /gave no token for profile "person"/],
    ["an answer that is no JSON", 'console.log("hello")', /no token for profile "person"/],
  ])("%s is told with the command that helps", async (_, script, message) => {
    await expect(loginOf({ profile: "person", config_file: file }, cli(script))).rejects.toMatchObject({
      code: "DESTINATION_DENIED",
      message: expect.stringMatching(message),
    });
  });

  test("no CLI at all", async () => {
    const missing = join(folder, "databricks");
    await expect(loginOf({ profile: "person", config_file: file }, missing)).rejects.toMatchObject({
      code: "DESTINATION_DENIED",
      message: expect.stringMatching(/no program `.*databricks` where the worker runs/),
    });
  });
});

describe("in a spec", () => {
  test("the variable names it, host and warehouse come with it, and no token is in the spec", () => {
    const spec = resolve({}, { DATABRICKS_CONFIG_PROFILE: "person", DATABRICKS_HTTP_PATH: "" });
    expect(spec).toMatchObject({
      profile: "person",
      config_file: file,
      server_hostname: "adb-3.azuredatabricks.net",
      http_path: "/sql/1.0/warehouses/w3",
    });
    const other = resolve({}, { DATABRICKS_CONFIG_PROFILE: "DEFAULT" });
    expect(JSON.stringify(other)).not.toContain("planted");
  });

  test("a token of the environment wins over a profile of the environment, not over one of the spec", () => {
    const env = { DATABRICKS_TOKEN: "t", DATABRICKS_CONFIG_PROFILE: "person" };
    const host = { DATABRICKS_HOST: "adb-9.azuredatabricks.net" };
    expect(resolve({}, { ...env, ...host })).not.toHaveProperty("profile");
    expect(resolve({ profile: "robot" }, env)).toMatchObject({ profile: "robot" });
    expect(resolve({ profile: "robot" }, env)).not.toHaveProperty("access_token");
  });

  test.each([
    [
      "an unknown one",
      { profile: "nobody" },
      {},
      /names "nobody", which .* There are: DEFAULT, robot, person/,
    ],
    ["no file", { profile: "x", config_file: "/none/cfg" }, {}, /\/none\/cfg cannot be read .*\(ENOENT\)/],
    [
      "beside a token",
      { profile: "robot", access_token: { env: "T" } },
      {},
      /profile stands beside access_token/,
    ],
    [
      "of another workspace",
      { profile: "robot" },
      { DATABRICKS_HOST: "adb-1.net" },
      /is for adb-2.azuredatabricks.net, and destination.server_hostname is adb-1.net/,
    ],
  ])("%s is refused with what to do", (_, given, env, message) => {
    expect(() => resolve(given, env)).toThrow(message);
  });
});

test("dbt gets the same account as the loader", async () => {
  expect(await DATABRICKS_DBT.environment(resolve({ profile: "DEFAULT" }))).toMatchObject({
    DATABRICKS_HOST: "adb-1.azuredatabricks.net",
    DATABRICKS_TOKEN: "dapi-planted",
    DATABRICKS_CLIENT_ID: "",
  });
  expect(await DATABRICKS_DBT.environment(resolve({ profile: "robot" }))).toMatchObject({
    DATABRICKS_TOKEN: "",
    DATABRICKS_CLIENT_ID: "the-id",
    DATABRICKS_CLIENT_SECRET: "the-secret",
  });
});

describe("the doctor", () => {
  const look = (env: { [name: string]: string }) =>
    checkEnvironment({ env: { ...ENV, ...env }, cwd: folder, home: folder });

  test("is content with a profile, and tells one that is not there", () => {
    expect(look({ DATABRICKS_CONFIG_PROFILE: "person" })).toMatchObject({ ok: true });
    expect(look({ DATABRICKS_CONFIG_PROFILE: "nobody" })).toMatchObject({
      ok: false,
      detail: expect.stringContaining('names "nobody"'),
    });
  });

  test("validates a bundle whose variables have no default, and quotes what the CLI says", async () => {
    writeFileSync(
      join(folder, "databricks.yml"),
      "variables:\n  warehouse_id:\n    description: x\n  scope:\n  catalog: { default: main }\n  key: { lookup: { cluster: c } }\n  given:\n",
    );
    // As the CLI: a variable without a value is an error.
    const program = cli(
      `const given = process.argv.slice(2).filter((_, i, all) => all[i - 1] === "--var").map(pair => pair.split("=")[0]);
       if (process.argv[3] !== "validate" || !given.includes("warehouse_id") || !given.includes("scope")) {
         console.error("Error: no value assigned to required variable " + given); process.exit(1);
       }`,
    );
    const validate = (env: { [name: string]: string }) =>
      checkBundle({
        cwd: folder,
        env: { ...env, PATH: process.env.PATH! },
        online: true,
        findProgram: () => program,
      });
    expect(await validate({ DATABRICKS_WAREHOUSE_ID: "w", BUNDLE_VAR_given: "1" })).toEqual([
      {
        name: "bundle",
        ok: true,
        detail: "databricks.yml is valid; scope is not set here: tried with a placeholder",
      },
    ]);
    expect(await validate({ BUNDLE_VAR_scope: "1" })).toEqual([
      expect.objectContaining({
        ok: false,
        detail:
          "databricks bundle validate failed (1): Error: no value assigned to required variable warehouse_id,given",
      }),
    ]);
  });
});
