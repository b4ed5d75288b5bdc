/** Authorities and certificates made by openssl, for servers and clients of one test. */
import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface Certificate {
  cert: string;
  key: string;
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

function openssl(args: string[]): void {
  execFileSync("openssl", args, { stdio: ["ignore", "ignore", "pipe"] });
}

/** An authority of its own, which signs itself. */
export function makeAuthority(folder: string, name: string): Certificate {
  const made = { cert: join(folder, `${name}.crt`), key: join(folder, `${name}.key`) };
  openssl([
    ...["req", "-x509", ...NEW_KEY, "-nodes", "-days", "2", "-subj", `/CN=${name}`],
    ...["-addext", "keyUsage=critical,keyCertSign,cRLSign", "-keyout", made.key, "-out", made.cert],
  ]);
  return made;
}

/** @param names as of subjectAltName, e.g. `DNS:localhost` */
export function sign(
  folder: string,
  authority: Certificate,
  subject: string,
  names: string,
  passphrase?: string,
): Certificate {
  const file = `${subject}${passphrase === undefined ? "" : "-locked"}`;
  const made = { cert: join(folder, `${file}.crt`), key: join(folder, `${file}.key`) };
  openssl([
    ...["req", "-x509", "-CA", authority.cert, "-CAkey", authority.key, ...NEW_KEY, "-days", "2"],
    ...(passphrase === undefined ? ["-nodes"] : ["-passout", `pass:${passphrase}`]),
    ...[
      "-subj",
      `/CN=${subject}`,
      "-addext",
      `subjectAltName=${names}`,
      "-addext",
      "basicConstraints=CA:FALSE",
    ],
    ...["-keyout", made.key, "-out", made.cert],
  ]);
  chmodSync(made.key, 0o600);
  return made;
}

/** The authority's list of revoked certificates, as a file. */
export function revocationList(
  folder: string,
  authority: Certificate,
  revoked: readonly Certificate[],
): string {
  const file = (name: string) => join(folder, `revoked-${revoked.length}-${name}`);
  writeFileSync(file("index"), "");
  writeFileSync(
    file("config"),
    `[ca]\ndefault_ca = own\n[own]\ndatabase = ${file("index")}\ndefault_md = sha256\ndefault_crl_days = 2\n`,
  );
  const own = ["ca", "-config", file("config"), "-cert", authority.cert, "-keyfile", authority.key];
  for (const { cert } of revoked) openssl([...own, "-revoke", cert]);
  openssl([...own, "-gencrl", "-out", file("list.pem")]);
  return file("list.pem");
}
