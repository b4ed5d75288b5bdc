/** A PostgreSQL destination on a test server. */
import type { Destination } from "../../src/destinations/destination";
import { createPostgresDestination } from "../../src/destinations/postgres/postgres-destination";
import { type PostgresDestination, resolvePostgres } from "../../src/destinations/postgres/spec";

/** @param url of the server's database; the literal is what a worker has once it looked it up */
export function postgresSpec(url: string, more: Partial<PostgresDestination> = {}): PostgresDestination {
  const around = { env: { URL: url }, cwd: "/", home: "/" };
  const spec = resolvePostgres({ type: "postgres", credentials: { env: "URL" } }, around, undefined);
  return { ...spec, credentials: url, ...more };
}

export const postgresAt = (url: string, more: Partial<PostgresDestination> = {}): Destination =>
  createPostgresDestination(postgresSpec(url, more));
