/** Why no host of the credentials could be used, in words; addresses are told, nothing else of the credentials. */
import { TidemarkError } from "../pipeline/errors";
import type { Host } from "./credentials";

/** Of one host: what went wrong, or what it should have been (libpq's target_session_attrs). */
export interface Problem {
  host: Host;
  error?: unknown;
  session?: string;
}

interface Words {
  said: string;
  /** Repeating does not help. */
  isLasting: boolean;
}

const CHECK_CA =
  "name the file of its authority in sslrootcert, or say sslmode=require to encrypt without a check";
const TLS_PROBLEMS: { [code: string]: string } = {
  DEPTH_ZERO_SELF_SIGNED_CERT: `its certificate is signed by itself; ${CHECK_CA}`,
  SELF_SIGNED_CERT_IN_CHAIN: `its certificate is signed by an authority that is not known here; ${CHECK_CA}`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `its certificate is signed by an authority that is not known here; ${CHECK_CA}`,
  UNABLE_TO_GET_ISSUER_CERT: `its certificate is signed by an authority that is not known here; ${CHECK_CA}`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `its certificate is signed by an authority that is not known here; ${CHECK_CA}`,
  CERT_SIGNATURE_FAILURE: `its certificate is not signed by the authority of sslrootcert`,
  CERT_HAS_EXPIRED: "its certificate has expired",
  CERT_NOT_YET_VALID: "its certificate is not valid yet; check the worker's clock",
  CERT_REVOKED: "its certificate is revoked (sslcrl)",
  UNABLE_TO_GET_CRL: "sslcrl holds no list of the authority that signed its certificate",
  CRL_HAS_EXPIRED: "the list of sslcrl has expired",
  ERR_TLS_CERT_ALTNAME_INVALID:
    "its certificate is for another name; connect by a name that it has, or say sslmode=verify-ca",
};

/** Codes of files and keys that cannot be used, as the TLS library names them. */
const BAD_FILE = /^ERR_(OSSL|CRYPTO|TLS_INVALID|TLS_PROTOCOL)|^ERR_INVALID_ARG/;

const TLS_ALERTS: readonly [pattern: RegExp, said: string][] = [
  [/alert unknown ca/, "it does not know the authority of the client certificate (sslcert)"],
  [/alert certificate required/, "it wants a client certificate; give sslcert and sslkey"],
  [
    /alert (bad certificate|certificate (expired|revoked|unknown))/,
    "it refuses the client certificate (sslcert)",
  ],
  [
    /alert protocol version|unsupported protocol|wrong version number/,
    "it speaks no TLS version that is allowed here (ssl_min_protocol_version)",
  ],
];

function wordsFor(error: unknown): Words {
  const { code = "", message = "" } = error as { code?: string; message?: string };
  if (TLS_PROBLEMS[code]) return { said: `${TLS_PROBLEMS[code]} (${code})`, isLasting: true };
  const alert = TLS_ALERTS.find(([pattern]) => pattern.test(message));
  if (alert) return { said: alert[1], isLasting: true };
  if (code === "ENOTFOUND") return { said: "there is no host of this name (ENOTFOUND)", isLasting: true };
  if (/does not support SSL/.test(message))
    return { said: "it has no TLS; say sslmode=prefer, or disable, where that is allowed", isLasting: true };
  if (BAD_FILE.test(code))
    return {
      said: `TLS cannot be set up with sslcert, sslkey, sslpassword or sslrootcert (${code})`,
      isLasting: true,
    };
  if (code === "ENOENT")
    return { said: "there is no server's socket in this folder (ENOENT)", isLasting: false };
  if (code === "57P03") return { said: "it is starting up or shutting down (57P03)", isLasting: false };
  // the driver's words for its own limit
  if (/timeout expired|Connection terminated/.test(message) && code === "")
    return {
      said: /timeout/.test(message) ? "no answer in time (connect_timeout)" : "it ended the connection",
      isLasting: false,
    };
  return { said: code || "the connection was lost", isLasting: false };
}

const nameOf = ({ host, port, address }: Host) => {
  const shown = host.includes(":") ? `[${host}]` : host;
  return `${shown}:${port}${address === undefined ? "" : ` at ${address}`}`;
};

/** @param where what for, e.g. `resource "customers"` */
export function connectionProblem(problems: readonly Problem[], where: string): TidemarkError {
  const words = problems.map(({ host, error, session }) => {
    const { said, isLasting } =
      session === undefined
        ? wordsFor(error)
        : { said: `it is not ${session} (target_session_attrs)`, isLasting: true };
    return { text: `${nameOf(host)}: ${said}`, isLasting };
  });
  const isLasting = words.every(one => one.isLasting);
  const next = isLasting
    ? "Correct the credentials."
    : "Check that host and port of the credentials can be reached from the worker; the step is repeated.";
  return new TidemarkError(
    isLasting ? "SQL_SETTINGS" : "SQL_CONNECTION",
    `No connection to PostgreSQL for ${where}: ${words.map(one => one.text).join("; ")}. ${next}`,
    { step: "extract" },
  );
}
