/** Exit codes that callers may rely on. docs/command-line.md is generated from this table. */
export const EXIT_CODES = {
  done: { code: 0, means: "done; with `doctor`, no check failed" },
  unexpected: { code: 1, means: "an unexpected error: please report it" },
  usage: { code: 2, means: "an unknown or missing command or option; `setup` without a terminal" },
  input: { code: 3, means: "bad input: phrase, seed, database URL, environment, argument" },
  database: {
    code: 4,
    means:
      "the database cannot be used: unreachable, access refused, a missing privilege, an unknown version, or no slabmend schema",
  },
  refused: {
    code: 5,
    means: "refused for now, and nothing was changed: not confirmed, slab busy, leases running",
  },
  findings: {
    code: 6,
    means:
      "`doctor` found a failure; `repair` left the slab unhealthy; a maintenance run found a problem, failed or was cancelled",
  },
  aws: { code: 7, means: "a queue or a function could not be reached, or failed" },
  interrupted: {
    code: 130,
    means: "ended by Ctrl+C or a signal before it was done; other processes continue a maintenance run",
  },
} as const;

export type ExitReason = keyof typeof EXIT_CODES;

export const exitCode = (reason: ExitReason): number => EXIT_CODES[reason].code;
