/** Where the cursor of a run comes from (design law 4): it has two homes, and one truth. Pure. */
import type { StoredState } from "../destinations/destination";
import type { HistoryState, StateRef } from "../pipeline/infos";

export interface TruthQuestion {
  pipeline_name: string;
  dataset: string;
  dataset_exists: boolean;
  /** Newest state row whose load has status 0. */
  stored: Pick<StoredState, "version" | "version_hash"> | null;
  /** What the last completed run recorded in history, if there is one. */
  history?: HistoryState;
  /** `_dlt_loads` has history's load id with status 0. */
  history_load_committed: boolean;
}

export interface Truth {
  /** "nothing": start over from initial_value. */
  from: "destination" | "history" | "nothing";
  /** Told to people when the two homes disagree. */
  note?: string;
}

/**
 * The destination wins. History wins only where its load is committed there and the state row is missing or older:
 * then the rows of that load are in the dataset, and asking for them again would double them.
 */
export function decideCursor(question: TruthQuestion): Truth {
  const { dataset, stored, history } = question;
  const known = history?.state;
  if (!question.dataset_exists) {
    return known === undefined
      ? { from: "nothing" }
      : {
          from: "nothing",
          note: `dataset "${dataset}" is gone: the cursor in history is void, starting over`,
        };
  }
  if (known === undefined) return { from: stored === null ? "nothing" : "destination" };
  if (stored !== null && !isNewer(known, stored)) {
    return stored.version_hash === known.version_hash
      ? { from: "destination" }
      : {
          from: "destination",
          note: `state version ${stored.version} in dataset "${dataset}" is used; history knows version ${known.version}: another run or engine loaded in between`,
        };
  }
  const place = stored === null ? "has no state row" : `has only state version ${stored.version}`;
  const fallback = stored === null ? "starting over" : "it is used";
  if (!question.history_load_committed) {
    return {
      from: stored === null ? "nothing" : "destination",
      note: `dataset "${dataset}" ${place} and not the load that history knows (${history?.load_id ?? "none"}): ${fallback}`,
    };
  }
  if (known.blob === undefined) {
    return {
      from: stored === null ? "nothing" : "destination",
      note: `dataset "${dataset}" ${place}; history's version ${known.version} was too large to be kept there: ${fallback}`,
    };
  }
  return {
    from: "history",
    note: `dataset "${dataset}" ${place}, but its load ${history?.load_id} is complete: going on from version ${known.version} of history`,
  };
}

function isNewer(known: StateRef, stored: { version: number }): boolean {
  return known.version > stored.version;
}
