/** Exit codes: 0 done (promote or review), 1 the run failed or the gate blocked, 2 bad usage or a bad spec. */
export const EXIT = { done: 0, failed: 1, usage: 2, interrupted: 130 } as const;
