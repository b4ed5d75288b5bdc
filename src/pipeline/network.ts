/** How this machine reaches others, as the environment says it: what `requests` reads there, handed on as values. */
export interface NetworkSettings {
  /** Proxy by scheme of the request, in lower case (`http`, `https`, `all`), and `no`: hosts that are asked directly. */
  proxies: { [scheme: string]: string };
  /** PEM file, or folder of such files, that replaces the authorities that are known (REQUESTS_CA_BUNDLE). */
  ca_bundle?: string;
  /** PEM files or folders whose authorities are trusted too (SSL_CERT_FILE, SSL_CERT_DIR, NODE_EXTRA_CA_CERTS). */
  ca_files: string[];
  /** Relative paths of a spec begin here. */
  folder: string;
}
