import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import { Authority, ask, callOf, clientOf, closeServers, failure, NETWORK, serve, serveTls } from "./servers";

let authority: Authority;
beforeAll(() => {
  authority = new Authority();
});
afterAll(() => authority.remove());
afterEach(closeServers);

const listener = (_: unknown, response: { end(text: string): void }) => void response.end("[1]");

/** An own process: it insists on a client certificate as servers made with OpenSSL do. */
async function opensslServer(
  of: Authority,
  version: string,
): Promise<{ server: ChildProcess; base: string }> {
  const probe = createServer();
  await new Promise<void>(done => probe.listen(0, "127.0.0.1", done));
  const { port } = probe.address() as AddressInfo;
  await new Promise(done => probe.close(done));
  const server = spawn(
    "openssl",
    [
      ...[
        "s_server",
        "-accept",
        `127.0.0.1:${port}`,
        "-cert",
        of.path("server.pem"),
        "-key",
        of.path("server.key"),
      ],
      ...["-CAfile", of.ca, "-Verify", "1", "-verify_return_error", "-www", version],
    ],
    { stdio: ["ignore", "pipe", "ignore"] },
  );
  await new Promise<void>(done =>
    server.stdout!.on("data", data => String(data).includes("ACCEPT") && done()),
  );
  return { server, base: `https://127.0.0.1:${port}` };
}

test("an authority that nobody knows is refused at once, with the settings that help", async () => {
  const base = await serveTls(authority.server(), listener);
  const requests = jest.fn();
  const error = await failure(ask(base, { attempts: 5, onRequest: requests, hosts: new Set(["127.0.0.1"]) }));
  expect(error).toMatchObject({ code: "HTTP_TLS", kind: "terminal" });
  expect(error.message).toMatch(/"127\.0\.0\.1".*REQUESTS_CA_BUNDLE or SSL_CERT_FILE.*client\.verify/);
  expect(requests).toHaveBeenCalledTimes(1);
});

test.each<[string, () => object]>([
  ["client.verify, a file", () => ({ tls: { verify: authority.ca } })],
  [
    "client.verify, a relative file",
    () => ({ tls: { verify: "ca.pem" }, network: { ...NETWORK, folder: authority.folder } }),
  ],
  ["client.verify, the certificate itself", () => ({ tls: { verify: authority.read("ca.pem") } })],
  ["client.verify: false", () => ({ tls: { verify: false } })],
  ["REQUESTS_CA_BUNDLE", () => ({ network: { ...NETWORK, ca_bundle: authority.ca } })],
  ["SSL_CERT_FILE", () => ({ network: { ...NETWORK, ca_files: [authority.ca] } })],
  [
    "SSL_CERT_FILE beside a REQUESTS_CA_BUNDLE without it, and one that is not there",
    () => ({
      network: {
        ...NETWORK,
        ca_bundle: "/etc/ssl/certs/ca-certificates.crt",
        ca_files: ["/no/such", authority.ca],
      },
    }),
  ],
  [
    "SSL_CERT_DIR",
    () => {
      const folder = authority.path("authorities");
      mkdirSync(folder, { recursive: true });
      writeFileSync(`${folder}/mine.crt`, authority.read("ca.pem"));
      writeFileSync(`${folder}/README`, "no certificate");
      return { network: { ...NETWORK, ca_files: [folder] } };
    },
  ],
])("trusted by %s", async (_, options) => {
  const base = await serveTls(authority.server(), listener);
  expect(await ask(base, options())).toBe("[1]");
});

test("the spec's own authorities win over the environment's", async () => {
  const base = await serveTls(authority.server(), listener);
  const error = await failure(
    ask(base, {
      tls: { verify: authority.path("other.pem") },
      network: { ...NETWORK, ca_bundle: authority.ca },
    }),
  );
  expect(error.code).toBe("HTTP_TLS");
});

test.each([
  ["/no/such/file.pem", "cannot be read (ENOENT)"],
  ["/etc/hostname", "holds no PEM certificate"],
])("a bundle %s is told with the setting's name, before anything is sent", async (file, told) => {
  const base = await serveTls(authority.server(), listener);
  const error = await failure(ask(base, { network: { ...NETWORK, ca_bundle: file } }));
  expect(error).toMatchObject({ code: "HTTP_TLS", kind: "terminal" });
  expect(error.message).toContain(`REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE) names ${file}, which ${told}`);
  const plain = await serve((_, response) => response.end("[1]"));
  expect(await ask(plain, { network: { ...NETWORK, ca_bundle: file } })).toBe("[1]");
});

describe("a server that wants a client certificate", () => {
  const start = () =>
    serveTls(
      { ...authority.server(), ca: authority.read("ca.pem"), requestCert: true, rejectUnauthorized: true },
      listener,
    );

  test.each<[string, () => string | [string, string]]>([
    ["one file with both", () => authority.path("both.pem")],
    ["two files", () => [authority.path("client.pem"), authority.path("client.key")]],
    ["two texts", () => [authority.read("client.pem"), authority.read("client.key")]],
  ])("takes it: %s", async (_, cert) => {
    expect(await ask(await start(), { tls: { verify: authority.ca, cert: cert() } })).toBe("[1]");
  });

  // Node's own server closes without a word; OpenSSL's says why, in TLS 1.3 only after the handshake.
  test.each(["-tls1_2", "-tls1_3"])(
    "refuses without it, and the message names client.cert (%s)",
    async version => {
      const { server, base } = await opensslServer(authority, version);
      const error = await failure(ask(base, { tls: { verify: authority.ca }, attempts: 5 }));
      server.kill();
      expect(error.message).toContain("Check client.cert");
      expect(error).toMatchObject({ code: "HTTP_TLS", kind: "terminal" });
    },
  );

  test("a certificate without its key is told", async () => {
    const cert = authority.path("client.pem");
    const error = await failure(ask(await start(), { tls: { verify: authority.ca, cert } }));
    expect(error.message).toMatch(/client\.cert .*cannot be used/);
  });
});

test.each([
  ["other", "for another name"],
  ["plain", "speaks no TLS on that port"],
])("a server that is %s: %s", async (kind, told) => {
  const base =
    kind === "plain"
      ? (await serve((_, response) => response.end())).replace("http:", "https:")
      : await serveTls(authority.server("other"), listener);
  const error = await failure(ask(base, { tls: { verify: authority.ca }, attempts: 5 }));
  expect(error).toMatchObject({ code: "HTTP_TLS", message: expect.stringContaining(told) });
});

test("one client keeps its connection", async () => {
  let connections = 0;
  const base = await serveTls(authority.server(), listener);
  const client = clientOf({ tls: { verify: authority.ca } });
  const ports = new Set<number | undefined>();
  const second = await serveTls(authority.server(), (request, response) => {
    ports.add(request.socket.remotePort);
    connections++;
    response.end("[]");
  });
  for (let i = 0; i < 4; i++) await client.send(callOf(second));
  await client.send(callOf(base));
  await client.close();
  expect([connections, ports.size]).toEqual([4, 1]);
});
