/** Whom a client trusts, and who it says it is (requests: `verify` and `cert`). */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { createSecureContext, rootCertificates, type SecureContext } from "node:tls";
import { TidemarkError } from "../../pipeline/errors";
import type { NetworkSettings } from "../../pipeline/network";

export interface TlsOptions {
  /** false: nobody is checked; a path (file or folder) or PEM text: these authorities in place of the known ones. */
  verify?: boolean | string;
  /** Client certificate: a file or text with key and certificate, or one of each. */
  cert?: string | [string, string];
}

/** What node:tls wants; made once per client, since parsing authorities takes longer than a handshake. */
export interface TlsSettings {
  secureContext: SecureContext;
  rejectUnauthorized: boolean;
}

const CERTIFICATE = /-----BEGIN (?:TRUSTED )?CERTIFICATE-----[^-]+-----END (?:TRUSTED )?CERTIFICATE-----/g;
const PEM = /-----BEGIN [A-Z ]+-----/;

/** @throws TidemarkError HTTP_TLS that names the setting */
export function tlsSettings(options: TlsOptions, network: NetworkSettings): TlsSettings {
  const { verify, cert } = options;
  const ca = authorities(verify ?? true, network);
  const [certificate, key] = cert === undefined ? [] : typeof cert === "string" ? [cert, cert] : cert;
  const read = (one: string | undefined) =>
    one === undefined ? undefined : pemOf(one, "client.cert", network.folder);
  try {
    return {
      secureContext: createSecureContext({ ca, cert: read(certificate), key: read(key) }),
      rejectUnauthorized: verify !== false,
    };
  } catch (error) {
    if (error instanceof TidemarkError) throw error;
    throw new TidemarkError(
      "HTTP_TLS",
      `client.cert or the certificates of client.verify cannot be used (${(error as { code?: string }).code ?? "unreadable"}). ` +
        "client.cert is a PEM file with key and certificate, or a list of the certificate's file and the key's; a key with a password is not supported.",
    );
  }
}

/**
 * The client's own; else REQUESTS_CA_BUNDLE in place of those that Node knows (as in requests), and what other programs
 * are told to trust besides; undefined: those that Node knows.
 */
function authorities(verify: boolean | string, network: NetworkSettings): string[] | undefined {
  if (verify === false) return undefined;
  if (typeof verify === "string") return [pemOf(verify, "client.verify", network.folder)];
  const { ca_bundle, ca_files, folder } = network;
  if (ca_bundle === undefined && ca_files.length === 0) return undefined;
  const known =
    ca_bundle === undefined
      ? rootCertificates
      : [pemOf(ca_bundle, "REQUESTS_CA_BUNDLE (or CURL_CA_BUNDLE)", folder)];
  // As everywhere, one that is not there adds nothing.
  const more = ca_files.filter(file => existsSync(resolve(folder, file)));
  const where = "SSL_CERT_FILE, SSL_CERT_DIR or NODE_EXTRA_CA_CERTS";
  const all = [...known, ...more.map(file => pemOf(file, where, folder))].join("\n");
  return [...new Set(all.match(CERTIFICATE) ?? [])];
}

function pemOf(place: string, setting: string, folder: string): string {
  if (PEM.test(place)) return place;
  const path = resolve(folder, place);
  let text: string;
  try {
    text = statSync(path).isDirectory() ? certificatesIn(path) : readFileSync(path, "latin1");
  } catch (error) {
    throw new TidemarkError(
      "HTTP_TLS",
      `${setting} names ${path}, which cannot be read (${(error as { code?: string }).code}). Correct the path, or unset it.`,
    );
  }
  if (PEM.test(text)) return text;
  throw new TidemarkError(
    "HTTP_TLS",
    `${setting} names ${path}, which holds no PEM certificate or key. Name a file that begins with -----BEGIN.`,
  );
}

function certificatesIn(folder: string): string {
  const textOf = (path: string): string => {
    try {
      return readFileSync(path, "latin1");
    } catch {
      // A folder, a link to nowhere, another program's key.
      return "";
    }
  };
  return readdirSync(folder)
    .map(name => textOf(join(folder, name)))
    .filter(text => text.includes("-----BEGIN CERTIFICATE-----"))
    .join("\n");
}
