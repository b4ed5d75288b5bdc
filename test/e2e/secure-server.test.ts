/**
 * A server behind TLS, with client certificates and an API key, by a Temporal profile; and a codec of the project's. The dev
 * server has no TLS: what stands before it is a proxy of the test, which decrypts, looks, and passes on.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { connect, constants, createSecureServer, type Http2SecureServer } from "node:http2";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { tidemark } from "../support/cli";
import { newProject, type Project } from "../support/project";
import { testAddress, testClient } from "../support/temporal";

const KEY = "key-of-the-test";
/** What a codec does at least: nothing of a payload can be read. */
const CONVERTER = `
const turned = data => Uint8Array.from(data, byte => byte ^ 0x5a);
exports.dataConverter = { payloadCodecs: [{
  encode: async payloads => payloads.map(({ metadata, data }) => ({
    metadata: { encoding: Buffer.from("binary/turned"), as: metadata.encoding }, data: turned(data) })),
  decode: async payloads => payloads.map(payload => payload.metadata.as === undefined ? payload :
    { metadata: { encoding: payload.metadata.as }, data: turned(payload.data) }),
}] };
`;

interface Proxy {
  address: string;
  /** Of every call: the key, and whether the caller's certificate was one of ours. */
  calls: Map<string, number>;
  close(): void;
}

let certificates: string;
let proxy: Proxy;
let project: Project;

beforeAll(async () => {
  certificates = mkdtempSync(join(process.env.TIDEMARK_TEST_TMP!, "tls-"));
  makeCertificates(certificates);
  proxy = await startProxy(certificates);
  project = newProject("secure");
  writeFileSync(
    join(project.folder, "pipelines", "rows.js"),
    'exports.rows = () => [{ id: 1, name: "plain-to-see" }];',
  );
  writeFileSync(join(project.folder, "converter.js"), CONVERTER);
  project.writeSpec("rows", {
    pipeline_name: "rows",
    dataset_name: "readable_dataset",
    source: { type: "code", name: "shop", module: "rows.js", resources: [{ name: "rows" }] },
  });
  project.env.TIDEMARK_DATA_CONVERTER = "converter.js";
});
afterAll(() => proxy.close());

const file = (name: string) => join(certificates, name);

function profile(more: string): NodeJS.ProcessEnv {
  const path = join(project.folder, "temporal.toml");
  writeFileSync(
    path,
    `[profile.secure]\naddress = "${proxy.address}"\nnamespace = "default"\napi_key = "${KEY}"\n[profile.secure.tls]\n` +
      `server_ca_cert_path = "${file("ca.pem")}"\n${more}`,
  );
  return { TEMPORAL_CONFIG_FILE: path, TEMPORAL_PROFILE: "secure" };
}

test("TLS with certificates of both sides, an API key and a profile: command and worker; nothing readable in history", async () => {
  const env = profile(
    `client_cert_path = "${file("client.pem")}"\nclient_key_path = "${file("client.key")}"\n`,
  );
  const done = await tidemark(project, ["run", "rows", "--with-worker", "--json"], env);
  expect([done.code, done.code === 0 ? "" : done.stderr]).toEqual([0, ""]);
  expect(JSON.parse(done.stdout).load.tables).toContainEqual(
    expect.objectContaining({ table: "rows", inserted: 1 }),
  );
  expect([...proxy.calls.keys()]).toEqual([`Bearer ${KEY}, certificate true`]);
  expect(proxy.calls.get(`Bearer ${KEY}, certificate true`)).toBeGreaterThan(20);

  const { client, close } = await testClient();
  const loads = await client.workflowService.listWorkflowExecutions({
    namespace: "default",
    query: `TaskQueue = "${project.queue}"`,
  });
  const ids = [
    "tidemark-rows",
    ...(loads.executions ?? []).map(({ execution }) => execution?.workflowId ?? ""),
  ];
  const handles = [...new Set(ids)].map(id => client.workflow.getHandle(id));
  const histories = await Promise.all(handles.map(handle => handle.fetchHistory()));
  await close();
  // Bytes stand in it as base64.
  const texts = JSON.stringify(histories).replace(/"([\w+/]{8,}=*)"/g, (_, bytes) =>
    Buffer.from(bytes, "base64").toString(),
  );
  expect(texts).toContain("binary/turned");
  expect(texts).not.toMatch(/plain-to-see|pipeline_name/);
}, 120_000);

test("without what the server asks for, the command says whom it could not reach", async () => {
  const untrusted = await tidemark(project, ["run", "rows"], profile('server_name = "elsewhere.example"\n'));
  expect([untrusted.code, untrusted.stderr]).toEqual([1, expect.stringContaining(proxy.address)]);
  expect(untrusted.stderr).toContain("(DESTINATION_UNAVAILABLE)");
}, 60_000);

function makeCertificates(folder: string): void {
  const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  const made = ["-newkey", "rsa:2048", "-nodes"];
  openssl(
    "req",
    "-x509",
    ...made,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-days",
    "2",
    "-subj",
    "/CN=authority of the test",
  );
  for (const [name, extension] of [
    ["server", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
    ["client", "extendedKeyUsage=clientAuth"],
  ]) {
    writeFileSync(join(folder, `${name}.ext`), extension!);
    openssl("req", ...made, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
    openssl(
      ...[
        "x509",
        "-req",
        "-in",
        `${name}.csr`,
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
      ],
      ...["-extfile", `${name}.ext`, "-out", `${name}.pem`],
    );
  }
}

/** gRPC is HTTP/2 with trailers: requests and answers are passed on frame by frame. */
async function startProxy(folder: string): Promise<Proxy> {
  const read = (name: string) => readFileSync(join(folder, name));
  const calls = new Map<string, number>();
  const upstream = connect(`http://${testAddress()}`);
  upstream.on("error", () => undefined);
  const server: Http2SecureServer = createSecureServer({
    key: read("server.key"),
    cert: read("server.pem"),
    ca: read("ca.pem"),
    requestCert: true,
    rejectUnauthorized: false,
  });
  server.on("sessionError", () => undefined);
  server.on("stream", (down, headers) => {
    const { authorized } = down.session!.socket as unknown as { authorized: boolean };
    const seen = `${headers.authorization}, certificate ${authorized}`;
    calls.set(seen, (calls.get(seen) ?? 0) + 1);
    const { ":authority": _, authorization: __, ...passed } = headers;
    const up = upstream.request({ ...passed, ":scheme": "http" });
    for (const stream of [down, up]) stream.on("error", () => undefined);
    let trailers = {};
    up.on("response", (answer, flags) => {
      // An error may be headers alone.
      const endStream = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0;
      down.respond(answer, endStream ? { endStream } : { waitForTrailers: true });
      up.pipe(down);
    });
    up.on("trailers", given => {
      trailers = given;
    });
    down.on("wantTrailers", () => down.sendTrailers(trailers));
    down.on("aborted", () => up.close());
    up.on("aborted", () => down.close(constants.NGHTTP2_CANCEL));
    down.pipe(up);
  });
  await new Promise<void>(up => server.listen(0, "127.0.0.1", up));
  return {
    address: `localhost:${(server.address() as AddressInfo).port}`,
    calls,
    close() {
      upstream.destroy();
      server.close();
    },
  };
}
