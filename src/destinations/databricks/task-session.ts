/**
 * The Spark session of the job's task or notebook that runs us, in place of a SQL warehouse: bundle/spark_session.py
 * serves it on loopback. For `load_mode: spark`, whose rows travel in statements.
 */
import { randomUUID } from "node:crypto";
import { Agent, request } from "node:http";
import type { DatabricksDestination } from "./spec";

/** What a load needs of a session, here or on a warehouse. */
export interface StatementSession {
  executeStatement(
    sql: string,
    options: { maxRows?: number; stagingAllowedLocalPath?: string },
  ): Promise<StatementOperation>;
  close(): Promise<unknown>;
}

export interface StatementOperation {
  fetchAll(): Promise<object[]>;
  cancel(): Promise<unknown>;
  close(): Promise<unknown>;
}

interface Answer {
  session?: number;
  rows?: { [column: string]: unknown }[];
  /** Spark's words. */
  error?: string;
}

/** @throws Spark's error */
export async function openTaskSession(
  spec: DatabricksDestination,
  configuration: { [setting: string]: string },
): Promise<StatementSession> {
  const agent = new Agent({ keepAlive: true });
  const ask = (path: string, body: object) => post(spec, agent, path, body);
  const { session } = await ask("/session", { configuration });
  return {
    async executeStatement(sql) {
      const tag = `tidemark-${randomUUID()}`;
      const answer = ask("/statement", { session, tag, sql });
      // reported where the rows are fetched
      answer.catch(() => undefined);
      return {
        fetchAll: async () => ((await answer).rows ?? []).map(plainRow),
        cancel: () => ask("/interrupt", { tag }),
        close: async () => undefined,
      };
    },
    close: async () => agent.destroy(),
  };
}

/** Without a time limit: statements are waited for as long as they run. */
function post(spec: DatabricksDestination, agent: Agent, path: string, body: object): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${spec.session_token}`, "content-type": "application/json" };
    const asked = request(
      new URL(path, spec.session_url),
      { method: "POST", agent, headers, timeout: 0 },
      answer => {
        const parts: Buffer[] = [];
        answer.on("data", part => parts.push(part));
        answer.on("error", reject);
        answer.on("end", () => {
          try {
            if (answer.statusCode !== 200)
              throw Object.assign(new Error("refused"), { statusCode: answer.statusCode });
            const read = JSON.parse(Buffer.concat(parts).toString("utf8")) as Answer;
            if (read.error !== undefined) throw new Error(read.error);
            resolve(read);
          } catch (error) {
            reject(error);
          }
        });
      },
    );
    asked.on("error", reject);
    asked.end(JSON.stringify(body));
  });
}

/** What JSON has no word for comes as an object with one key. */
function plainRow(row: { [column: string]: unknown }): object {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, plainValue(value)]));
}

function plainValue(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const { bigint, number, milliseconds, base64 } = value as {
    bigint?: string;
    number?: string;
    milliseconds?: number;
    base64?: string;
  };
  if (bigint !== undefined) return BigInt(bigint);
  if (number !== undefined) return Number(number);
  if (milliseconds !== undefined) return new Date(milliseconds);
  return Buffer.from(base64 ?? "", "base64");
}
