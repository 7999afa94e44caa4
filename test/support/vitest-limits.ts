/** Limits of all suites. They end hanging tests; no test should come close to them, even on a busy machine. */
export const LIMITS = { testTimeout: 120_000, hookTimeout: 180_000 } as const;
