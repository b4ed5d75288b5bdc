/** A worker of its own process for the test that kills it: runs dbt with the options given as JSON. */
import { runDbt } from "../../../src/transform/run-dbt";

const options = JSON.parse(process.argv[2] ?? "{}");
void runDbt({ ...options, signal: new AbortController().signal, onProgress: () => {} });
