/** Limits that all suites share. They end what hangs; no test is expected to come near them, also on a busy machine. */
export const LIMITS = { testTimeout: 120_000, hookTimeout: 180_000 } as const;
