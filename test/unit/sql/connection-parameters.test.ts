import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PARAMETERS, printParameters } from "../../../src/postgres-connection/connection-parameters";
import { readCredentials } from "../../../src/postgres-connection/credentials";
import { readDsn } from "../../../src/postgres-connection/dsn";

const PAGE = readFileSync(join(__dirname, "../../../docs/sql-sources.md"), "utf8");

test("docs/sql-sources.md prints the table", () => {
  expect(PAGE).toContain(printParameters());
});

/** One value of each that is taken, and what it becomes. */
const TAKEN: { [name: string]: [value: string, becomes: object] } = {
  host: ["other", { hosts: [{ host: "other", port: 5432 }] }],
  hostaddr: ["127.0.0.2", { hosts: [{ host: "h", port: 5432, address: "127.0.0.2" }] }],
  port: ["6000", { hosts: [{ host: "h", port: 6000 }] }],
  dbname: ["shop", { database: "shop" }],
  user: ["ann", { user: "ann" }],
  password: [" s3 ", { password: "s3" }],
  passfile: ["pass-file", { passfile: { path: "pass-file", given: true } }],
  connect_timeout: ["7", { timeoutMs: 7000 }],
  application_name: ["mine", { applicationName: "mine" }],
  fallback_application_name: ["mine", { applicationName: "mine" }],
  options: ["-c work_mem=64MB", { options: "-c work_mem=64MB" }],
  client_encoding: ["utf8", {}],
  keepalives: ["0", { keepAlive: false }],
  keepalives_idle: ["30", { keepAliveIdleMs: 30_000 }],
  keepalives_interval: ["10", {}],
  keepalives_count: ["3", {}],
  tcp_user_timeout: ["0", {}],
  target_session_attrs: ["primary", { session: "primary" }],
  load_balance_hosts: ["random", { shuffled: true }],
  sslmode: ["disable", { tls: { mode: "disable", direct: false } }],
  ssl_min_protocol_version: ["TLSv1.3", { tls: { minVersion: "TLSv1.3" } }],
  ssl_max_protocol_version: ["TLSv1.2", { tls: { maxVersion: "TLSv1.2" } }],
  sslcertmode: ["disable", {}],
  sslcompression: ["0", {}],
  sslsni: ["1", {}],
  gssencmode: ["disable", {}],
  channel_binding: ["prefer", {}],
  sslpassword: ["words", {}],
};
/** Names of files and what goes with them: test/contract/sql-connect.test.ts. */
const WITH_FILES = ["service", "servicefile", "sslrootcert", "sslcert", "sslkey", "sslcrl", "sslnegotiation"];

test.each(Object.keys(PARAMETERS))("parameter %s is taken everywhere, or refused by name", name => {
  const { does, env } = PARAMETERS[name]!;
  const taken = TAKEN[name];
  if (does === undefined) {
    const refused = expect.objectContaining({
      code: "SQL_SETTINGS",
      message: expect.stringMatching(new RegExp(`"${name}".*not supported`)),
    });
    expect(() => readCredentials(`postgresql://h/d?${name}=1`)).toThrow(refused);
    if (env !== undefined) expect(() => readCredentials("postgresql://h/d", { [env]: "1" })).toThrow(refused);
    return;
  }
  if (taken === undefined) {
    expect(WITH_FILES).toContain(name);
    return;
  }
  const [value, becomes] = taken;
  const base = { host: "h", dbname: "d", user: "u" };
  expect(readCredentials(`postgresql://u@h/d?${name}=${encodeURIComponent(value)}`)).toMatchObject(becomes);
  expect(readCredentials({ ...base, [name]: value })).toMatchObject(becomes);
  expect(readCredentials({ ...base, query: { [name]: value } })).toMatchObject(becomes);
  const words = Object.entries({ ...base, [name]: value }).map(([key, text]) => `${key} = '${text}'`);
  expect(readCredentials(words.join(" "))).toMatchObject(becomes);
  if (env === undefined) return;
  const { [name as "host"]: _, ...rest } = base;
  expect(readCredentials(rest, { [env]: value })).toMatchObject(becomes);
});

test.each([
  ["sslmode=requre", /"sslmode" must be disable, allow, prefer, require, verify-ca, verify-full/],
  ["sslmod=require", /unknown connection parameter "sslmod"; did you mean "sslmode"/],
  ["ssl=true", /unknown connection parameter "ssl"/],
  ["port=54x2", /"port" must be a number/],
  ["port=0", /"port" must be a number/],
  ["connect_timeout=soon", /"connect_timeout" must be a whole number/],
  ["client_encoding=latin1", /UTF8 only/],
  ["gssencmode=require", /no GSSAPI/],
  ["channel_binding=require", /verify-full/],
  ["target_session_attrs=readonly", /read-only/],
  ["sslnegotiation=direct", /sslmode=require or stricter/],
  ["sslrootcert=system&sslmode=require", /verify-full only/],
  ["sslrootcert=/nowhere/ca.pem", /\/nowhere\/ca\.pem, which the worker cannot read \(ENOENT\)/],
  ["sslkey=/nowhere/key.pem", /needs "sslcert"/],
  ["tcp_user_timeout=10", /keepalives_idle/],
  ["host=a,b&port=1,2,3", /one for each host/],
])("%s is refused, not ignored", (query, words) => {
  expect(() => readCredentials(`postgresql://u@h/d?${query}`)).toThrow(
    expect.objectContaining({
      code: "SQL_SETTINGS",
      kind: "terminal",
      message: expect.stringMatching(words),
    }),
  );
});

test.each<[string, object]>([
  ["host=h port=1 dbname='my db' user=u", { host: "h", port: "1", dbname: "my db", user: "u" }],
  [String.raw`password='it\'s \\ here' host=h`, { password: String.raw`it's \ here`, host: "h" }],
  [String.raw`host = h  password=a\ b options=''`, { host: "h", password: "a b", options: "" }],
  ["postgresql://h1:1,[::1]:2,h3/d", { host: "h1,::1,h3", port: "1,2,", dbname: "d" }],
  ["postgresql:///d?host=/a&port=7", { dbname: "d", host: "/a", port: "7" }],
  ["postgresql:///?host=a:1&host=b", { host: "a,b", port: "1," }],
])("%s", (dsn, given) => {
  expect(readDsn(dsn)).toEqual(given);
});

test("the limits that the page names are those of the code", () => {
  const constant = (file: string, name: string) => {
    const text = readFileSync(join(__dirname, "../../../src", file), "utf8");
    const [, value] = new RegExp(`const ${name} = ([^;]+);`).exec(text)!;
    return value!.split("*").reduce((product, factor) => product * Number(factor.replaceAll("_", "")), 1);
  };
  const limits = [
    `${constant("sources/sql/column-pages.ts", "PAGE_BYTES") / 1024 / 1024} MB of values`,
    `(${constant("sources/sql/sql-pages.ts", "DEFAULT_CHUNK_SIZE")} by default)`,
    `| ${constant("postgres-connection/credentials.ts", "CONNECT_TIMEOUT_S")} s (\`connect_timeout\`)`,
    `| ${constant("sources/sql/create.ts", "REFLECTION_TIMEOUT_MS") / 1000} s |`,
    `the last ${constant("sources/sql/catalog-cache.ts", "MOST_KEPT")} loads`,
    `${constant("sources/sql/steady-pages.ts", "PAGE_MS") / 1000} s at most`,
  ];
  for (const limit of limits) expect(PAGE).toContain(limit);
});
