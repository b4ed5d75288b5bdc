/**
 * The catalog is read once for a load, however many activities open its source: what was built is kept in memory, for
 * the loads under way in this process. Keys are hashes with a secret of this process, so that none can be turned back.
 */
import { createHmac, randomBytes } from "node:crypto";
import type { SourceSpec } from "../../pipeline/spec";
import type { Environment } from "../../postgres-connection/credentials";
import type { Source, Surroundings } from "../source";

/** Loads whose sources are kept; with wide schemas some ten megabytes each. */
const MOST_KEPT = 8;

const secret = randomBytes(32);
const kept = new Map<string, Promise<Source>>();

/** Everything that decides what is built and where it connects. */
function keyOf(load: string, source: SourceSpec, env: Environment): string {
  const own = Object.entries(env).filter(([name]) => name.startsWith("PG") || name === "HOME");
  return createHmac("sha256", secret)
    .update(JSON.stringify([load, source, own.sort()]))
    .digest("hex");
}

type Build = (source: SourceSpec, env: Environment | undefined) => Promise<Source>;

/** `create` of a source whose building asks the server. A failure is not kept. */
export function oncePerLoad(build: Build): (source: SourceSpec, context?: Surroundings) => Promise<Source> {
  return async (source, context) => {
    if (context?.load === undefined) return build(source, context?.env);
    const key = keyOf(context.load, source, context.env);
    const found = kept.get(key);
    const made = found ?? build(source, context.env);
    // the newest last, so that the oldest goes first
    kept.delete(key);
    kept.set(key, made);
    if (kept.size > MOST_KEPT) kept.delete(kept.keys().next().value!);
    try {
      return await made;
    } catch (error) {
      if (kept.get(key) === made) kept.delete(key);
      throw error;
    }
  };
}
