import { DEFAULT_REPAIR_CONCURRENCY, MAX_REPAIR_CONCURRENCY } from "../../config/repair-concurrency.ts";
import { OperatorError } from "../../errors/operator-error.ts";
import type { CommandContext } from "./command-context.ts";

const VARIABLE = "SLABMEND_REPAIR_CONCURRENCY";

/**
 * Repairs at once: the option, else the stage's own setting (--env-file .env.STAGE), else what a stage has by default. The
 * option may be larger than any stage's: machines that run `slabmend work` count too.
 */
export function repairConcurrency(
  option: number | undefined,
  variables: CommandContext["variables"],
): number {
  if (option !== undefined) return option;
  const text = variables[VARIABLE];
  if (!text) return DEFAULT_REPAIR_CONCURRENCY;
  const given = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (given >= 1 && given <= MAX_REPAIR_CONCURRENCY) return given;
  throw new OperatorError({
    code: "bad-argument",
    message: `${VARIABLE}: expected a whole number from 1 to ${MAX_REPAIR_CONCURRENCY}, got ${JSON.stringify(text.slice(0, 40))}`,
    remedy: "Correct it, or give --concurrency.",
  });
}
