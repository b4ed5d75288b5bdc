/** Temporal counts a worker's death as an attempt like any other; deaths must not use up what is meant for errors. */

/** Attempts of an activity that worker deaths may use up, beside those that are meant for errors. */
export const DEATHS = 1_000;

/** Errors that a step may meet; 0: no limit. Histories from before had the number itself, deaths included. */
export function errorsAllowed(maximumAttempts: number | null | undefined): number {
  if (!maximumAttempts) return 0;
  return maximumAttempts > DEATHS ? maximumAttempts - DEATHS : maximumAttempts;
}
