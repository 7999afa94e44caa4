/** What a program that calls the command line may rely on. Documented in docs/command-line.md from this table. */
export const EXIT_CODES = {
  done: { code: 0, means: "done; with `doctor`, no check failed" },
  unexpected: { code: 1, means: "an unexpected fault; please report it" },
  usage: { code: 2, means: "unknown command or option, or one is missing; `setup` without a terminal" },
  input: { code: 3, means: "bad input: phrase, seed, database URL, environment, argument" },
  database: {
    code: 4,
    means:
      "the database cannot be used: away, refused, a right missing, an unknown version, our schema missing",
  },
  refused: { code: 5, means: "not now, and nothing was changed: not confirmed, slab busy, leases running" },
  findings: {
    code: 6,
    means:
      "`doctor` found a failure; `repair` ended without the slab being healthy; a maintenance run found something, failed or was cancelled",
  },
  aws: { code: 7, means: "a queue or a function could not be reached, or failed" },
  interrupted: {
    code: 130,
    means: "ended by Ctrl+C or a signal before it was done; a maintenance run goes on elsewhere",
  },
} as const;

export type ExitReason = keyof typeof EXIT_CODES;

export const exitCode = (reason: ExitReason): number => EXIT_CODES[reason].code;
