/** What a worker with nothing configured hands to a source. */
import type { Surroundings } from "../../src/sources/source";

export const surroundings = (more: Partial<Surroundings> = {}): Surroundings => ({
  network: { proxies: {}, ca_files: [], folder: "." },
  secrets: [],
  env: {},
  ...more,
});
