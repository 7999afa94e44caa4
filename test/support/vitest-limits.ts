/** Limits of all suites. The limits end hanging tests; no test should come close to a limit, even on a busy machine. */
export const LIMITS = { testTimeout: 120_000, hookTimeout: 180_000 } as const;
