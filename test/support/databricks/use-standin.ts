/**
 * The warehouse of the Databricks lane: one stand-in for all its test files (test/support/global-setup.ts), or a real
 * warehouse where DATABRICKS_HOST is set. Every test has datasets of its own, removed after the file.
 */
import { randomUUID } from "node:crypto";
import { createDatabricksDestination } from "../../../src/destinations/databricks/databricks-destination";
import type { DatabricksDestination } from "../../../src/destinations/databricks/spec";
import type { Destination, DestinationSession } from "../../../src/destinations/destination";
import { type Connection, specOf, specOn } from "./connection";
import { type Standin, standinAt, withoutFaults } from "./standin";

export const onRealWarehouse = Boolean(process.env.DATABRICKS_HOST);

export const CATALOG = onRealWarehouse ? required("DATABRICKS_CATALOG") : "main";

function required(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(`DATABRICKS_HOST is set: the tests run on that warehouse, and need ${name} too.`);
  return value;
}

/** For what only the stand-in can show: its protocol log and its faults. */
export const describeOnStandin = onRealWarehouse ? describe.skip : describe;

/** The stand-in; faults are switched off after each test. Not to be called on a real warehouse. */
export function useStandin(): () => Standin {
  let standin: Standin | undefined;
  const current = (): Standin => {
    const address = process.env.TIDEMARK_TEST_STANDIN;
    if (address === undefined) throw new Error("No stand-in: run with TIDEMARK_LANE=databricks.");
    standin ??= standinAt(JSON.parse(address));
    return standin;
  };
  if (!onRealWarehouse) afterEach(() => withoutFaults(current()));
  return current;
}

export function warehouseSpec(more: Partial<DatabricksDestination> = {}): DatabricksDestination {
  return onRealWarehouse
    ? specOf(realWarehouse(), more)
    : specOn(standinAt(JSON.parse(String(process.env.TIDEMARK_TEST_STANDIN))), more);
}

function realWarehouse(): Connection {
  return {
    server_hostname: required("DATABRICKS_HOST"),
    http_path: required("DATABRICKS_HTTP_PATH"),
    catalog: CATALOG,
    ...(process.env.DATABRICKS_TOKEN
      ? { access_token: process.env.DATABRICKS_TOKEN }
      : { client_id: required("DATABRICKS_CLIENT_ID"), client_secret: required("DATABRICKS_CLIENT_SECRET") }),
  };
}

export function warehouse(more: Partial<DatabricksDestination> = {}): Destination {
  return createDatabricksDestination(warehouseSpec(more));
}

export async function inSession<T>(
  work: (session: DestinationSession) => Promise<T>,
  more: Partial<DatabricksDestination> = {},
): Promise<T> {
  const session = await warehouse(more).open({
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
  try {
    return await work(session);
  } finally {
    await session[Symbol.asyncDispose]();
  }
}

const datasets: string[] = [];
if (onRealWarehouse) {
  // on the stand-in everything goes with it
  afterAll(async () => {
    for (const dataset of datasets.splice(0).flatMap(name => [name, `${name}_staging`])) {
      await inSession(session =>
        session.query(`DROP SCHEMA IF EXISTS \`${CATALOG}\`.\`${dataset}\` CASCADE`),
      );
    }
  });
}

/** A dataset name that no other test uses. */
export function freshDataset(): string {
  const dataset = `raw_${randomUUID().slice(0, 8)}`;
  datasets.push(dataset);
  return dataset;
}
