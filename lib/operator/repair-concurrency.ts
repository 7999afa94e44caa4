import type { CommandContext } from "./command-context.ts";
import { OperatorError } from "./operator-error.ts";

/** The default of infra/settings.ts. */
const DEFAULT_CONCURRENCY = 100;
const VARIABLE = "SLABMEND_REPAIR_CONCURRENCY";

/** Repairs at once: the option, else the stage's own setting (--env-file .env.STAGE), else what a stage has by default. */
export function repairConcurrency(
  option: number | undefined,
  variables: CommandContext["variables"],
): number {
  if (option !== undefined) return option;
  const text = variables[VARIABLE];
  if (!text) return DEFAULT_CONCURRENCY;
  if (/^[1-9]\d{0,4}$/.test(text)) return Number(text);
  throw new OperatorError({
    code: "bad-argument",
    message: `${VARIABLE}: expected a whole number of repairs, got ${JSON.stringify(text.slice(0, 40))}`,
    remedy: "Correct it, or give --concurrency.",
  });
}
