/**
 * Whether a worker process should stop because it is itself the cause of failures (rule 13 of docs/architecture.md).
 * Either of two signs is enough: repair after repair shows a fault of this machine; or the worker fails, for any
 * reason, where other workers succeed.
 */
import type { Others } from "../database/reports/read-others.ts";
import type { RepairResult } from "../jobs/repair/repair-dependencies.ts";
import type { SlabId } from "../slab/ids.ts";
import type { RepairEnvironment } from "./open-repair-environment.ts";

/**
 * Faults in a row that make a worker unfit. One fault proves nothing: all hosts, or those of one slab, may refuse for a
 * moment. But for a wrong clock one fault is enough, because it affects every slab.
 */
const MOST_FAULTS = 5;

/** Fewer failures in a row prove nothing about a worker. */
const LEAST_FAILURES = 5;
/** For a comparison, other workers must have ended repairs of at least this many different slabs in the same time. */
const LEAST_OF_OTHERS = 5;
/**
 * Assume that this worker fails as often as the others do: if its failures in a row would then be less probable than
 * this, the worker stops.
 */
const LEAST_CHANCE = 1e-6;

/** The slabs at which this worker failed in a row, and since when. */
export interface FailureRun {
  readonly slabs: readonly SlabId[];
  readonly sinceMs: number;
}

export class SelfCheck {
  #faults: string[] = [];
  /** Slabs whose repairs here moved nothing, with the time of each failure; emptied when a repair moves a sector. */
  readonly #failedAt = new Map<SlabId, number>();

  /** @returns why the worker is unfit, judged by its own faults; undefined: it may continue */
  note(slabId: SlabId, result: RepairResult, nowMs: number): string | undefined {
    if (result.kind === "stale") return undefined;
    if (result.copied + result.rebuilt + result.found > 0) this.#failedAt.clear();
    else if (result.kind !== "repaired" && result.kind !== "healthy") this.#failedAt.set(slabId, nowMs);
    const { ourFault } = result;
    this.#faults = ourFault === undefined ? [] : [...this.#faults, ourFault];
    if (ourFault === "clock-off")
      return "this machine's clock differs from the database's by minutes: set it";
    if (this.#faults.length < MOST_FAULTS) return undefined;
    return `${this.#faults.length} repairs in a row failed through a fault of this machine: ${[...new Set(this.#faults)].join(", ")}`;
  }

  /** This worker's failures in a row, to be compared with other workers' results; undefined: too few to compare. */
  failureRun(nowMs: number): FailureRun | undefined {
    if (this.#failedAt.size < LEAST_FAILURES) return undefined;
    return { slabs: [...this.#failedAt.keys()], sinceMs: nowMs - Math.min(...this.#failedAt.values()) };
  }
}

/**
 * Judges a run of failures by the results of other workers in the same time. Slabs at which another worker failed too
 * do not count: the cause lies in those slabs. The worker is unfit if the remaining failures would be very unlikely
 * for a worker that fails as often as the others do.
 *
 * @returns why the worker is unfit; undefined: it may continue
 */
export function judgeAmongOthers(run: FailureRun, others: Others): string | undefined {
  const own = run.slabs.filter((slab) => !others.alsoFailed.includes(slab)).length;
  if (own < LEAST_FAILURES || others.ended < LEAST_OF_OTHERS) return undefined;
  // Laplace's estimate: a few repairs by others that all succeeded do not prove a failure rate of zero.
  const failureRate = (others.failed + 1) / (others.ended + 2);
  if (failureRate ** own > LEAST_CHANCE) return undefined;
  return (
    `its repairs of ${own} slabs failed in a row, while other workers moved sectors of ` +
    `${others.ended - others.failed} of ${others.ended} slabs`
  );
}

/**
 * Call it after each repair of an environment.
 *
 * @param worker the part before the first slash in the names that this environment uses for its repairs
 * @returns why the environment is unfit; undefined: it may continue
 */
export async function whyUnfit(
  check: SelfCheck,
  { readOthers, logger, metrics }: Pick<RepairEnvironment, "readOthers" | "logger" | "metrics">,
  ended: {
    readonly worker: string;
    readonly slabId: SlabId;
    readonly result: RepairResult;
    readonly nowMs: number;
  },
): Promise<string | undefined> {
  const { worker, slabId, result, nowMs } = ended;
  const why = async (): Promise<string | undefined> => {
    const reason = check.note(slabId, result, nowMs);
    const run = check.failureRun(nowMs);
    if (reason !== undefined || run === undefined) return reason;
    return judgeAmongOthers(run, await readOthers({ worker, ...run }));
  };
  try {
    const reason = await why();
    if (reason !== undefined) metrics.print({ WorkersUnfit: 1 });
    return reason;
  } catch (error) {
    logger.warn({ error }, "the results of other workers could not be read");
    return undefined;
  }
}
