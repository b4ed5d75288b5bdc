/** What a run can be found by: search attributes where the namespace knows them, the memo elsewhere. */
import {
  ActivityFailure,
  ApplicationFailure,
  defineSearchAttributeKey,
  type SearchAttributeUpdatePair,
} from "@temporalio/common";
import { patched, upsertMemo, upsertSearchAttributes } from "@temporalio/workflow";
import { cutText } from "../pipeline/cut-text";
import type { LoadInfo, ResolvedRun } from "../pipeline/infos";
import {
  LONGEST_KEYWORD,
  SEARCH_ATTRIBUTES,
  type SearchAttributeName,
  type SearchAttributeValues,
} from "../pipeline/search-attributes";
import type { RunInput } from "../pipeline/spec";

const PATCH = "search-attributes";

export class Findable {
  /** Undefined: the run began before there were any, and keeps its road. */
  #registered: readonly SearchAttributeName[] | undefined;
  #told: SearchAttributeValues = {};

  resolved({ search_attributes: registered, spec }: ResolvedRun): void {
    if (registered === undefined || !patched(PATCH)) return;
    this.#registered = registered;
    this.#tell({ TidemarkPipeline: spec.pipeline_name, TidemarkDataset: spec.dataset_name });
  }

  /** The run fails before its spec is known; what it was asked for names it. @returns the failure */
  unresolved(input: RunInput, failure: unknown): unknown {
    const { cause } = failure instanceof ActivityFailure ? failure : { cause: undefined };
    const detail = cause instanceof ApplicationFailure ? (cause.details?.[0] as Detail) : undefined;
    // Anybody may start a run with any input, or with none.
    const asked = (input?.pipeline ?? undefined) as unknown;
    const name = typeof asked === "object" ? (asked as { pipeline_name?: unknown }).pipeline_name : asked;
    if (!Array.isArray(detail?.search_attributes) || typeof name !== "string" || !patched(PATCH))
      return failure;
    this.#registered = detail.search_attributes as SearchAttributeName[];
    this.#tell({ TidemarkPipeline: name });
    return failure;
  }

  loaded({ tables }: LoadInfo): void {
    const rows = tables.filter(({ table }) => !table.startsWith("_dlt_")).reduce((n, t) => n + t.rows, 0);
    if (rows > 0) this.#tell({ TidemarkRows: (this.#told.TidemarkRows ?? 0) + rows });
  }

  decided(decision: string): void {
    this.#tell({ TidemarkDecision: decision });
  }

  #tell(values: SearchAttributeValues): void {
    const registered = this.#registered;
    if (registered === undefined) return;
    const news = Object.entries(values)
      .map(([name, value]) => [name as SearchAttributeName, keyword(value)] as const)
      .filter(([name, value]) => this.#told[name] !== value);
    this.#told = { ...this.#told, ...Object.fromEntries(news) };
    const known = news.filter(([name]) => registered.includes(name));
    const unknown = news.filter(([name]) => !registered.includes(name));
    if (known.length > 0) {
      upsertSearchAttributes(
        known.map(
          ([name, value]) =>
            ({
              key: defineSearchAttributeKey(name, SEARCH_ATTRIBUTES[name]),
              value,
            }) as SearchAttributeUpdatePair,
        ),
      );
    }
    if (unknown.length > 0) upsertMemo(Object.fromEntries(unknown));
  }
}

type Detail = { search_attributes?: unknown } | null | undefined;

const keyword = <T>(value: T): T | string =>
  typeof value === "string" ? cutText(value, LONGEST_KEYWORD) : value;
