/** A stand-in for the tests of one file, and destinations on it, each in a dataset of its own. */
import { randomUUID } from "node:crypto";
import { createDatabricksDestination } from "../../../src/destinations/databricks/databricks-destination";
import type { Destination } from "../../../src/destinations/destination";
import type { DatabricksDestination } from "../../../src/pipeline/spec";
import { type Standin, startStandin } from "./standin";

const START_MS = 300_000;

/** Started before the first test of the file, stopped after the last. */
export function useStandin(env: { [name: string]: string } = {}): () => Standin {
  let standin: Standin | undefined;
  beforeAll(async () => {
    standin = await startStandin(env);
  }, START_MS);
  afterAll(async () => {
    await standin?.stop();
  });
  return () => standin as Standin;
}

export function specOn(standin: Standin, more: Partial<DatabricksDestination> = {}): DatabricksDestination {
  return {
    type: "databricks",
    server_hostname: standin.host,
    port: standin.port,
    http_path: standin.http_path,
    catalog: standin.catalog,
    access_token: standin.token,
    ca_file: standin.ca,
    replace_strategy: "truncate-and-insert",
    create_indexes: false,
    staging_dataset_name_layout: "%s_staging",
    enable_dataset_name_normalization: true,
    ...more,
  };
}

export function destinationOn(standin: Standin, more: Partial<DatabricksDestination> = {}): Destination {
  return createDatabricksDestination(specOn(standin, more));
}

/** A dataset name that no other test uses. */
export function freshDataset(): string {
  return `raw_${randomUUID().slice(0, 8)}`;
}
