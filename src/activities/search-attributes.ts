/** Which of our search attributes the run's namespace knows: a workflow that sets an unknown one would never go on. */
import { Context } from "@temporalio/activity";
import { ApplicationFailure } from "@temporalio/common";
import {
  SEARCH_ATTRIBUTE_TYPES,
  SEARCH_ATTRIBUTES,
  type SearchAttributeName,
} from "../pipeline/search-attributes";

/** Runs do without rather than wait. */
const DEADLINE_MS = 3_000;

/** Empty where the server does not say (rights, old server, no answer). */
export async function registeredSearchAttributes(): Promise<SearchAttributeName[]> {
  const { client, info } = Context.current();
  const { connection } = client;
  try {
    const { customAttributes } = await connection.withDeadline(Date.now() + DEADLINE_MS, () =>
      connection.operatorService.listSearchAttributes({ namespace: info.namespace }),
    );
    return Object.entries(SEARCH_ATTRIBUTES)
      .filter(([name, type]) => customAttributes?.[name] === SEARCH_ATTRIBUTE_TYPES[type])
      .map(([name]) => name as SearchAttributeName);
  } catch {
    return [];
  }
}

/** A run that fails before its spec is known can be found too: the failure tells the workflow the attributes. */
export async function failingFindable<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const detail: unknown = error instanceof ApplicationFailure ? error.details?.[0] : undefined;
    if (typeof detail === "object" && detail !== null) {
      Object.assign(detail, { search_attributes: await registeredSearchAttributes() });
    }
    throw error;
  }
}
