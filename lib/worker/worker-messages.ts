/** The messages between a worker's process and its parent. Ids are text, because these messages are JSON. */

import type { RepairStep } from "../jobs/repair/repair-dependencies.ts";
import type { MetricValues } from "../telemetry/metric-names.ts";

export interface RepairOrder {
  readonly slabId: string;
  readonly digest: string;
  readonly token: string;
  /** Identifies this one repair. */
  readonly id: string;
  readonly remainingMs: number;
}

/**
 * The id of one repair of a worker process: the process, a slash, the repair.
 * @param process a name without a slash; a process id alone is not enough, because two machines may use the same id
 */
export function repairId(process: string, repair: string): string {
  return `${process}/${repair}`;
}

/** The process that a {@link repairId} names. */
export function workerOf(id: string): string {
  return id.split("/", 1)[0]!;
}

/** How a repair ordered from a worker has ended. */
export type RepairReport =
  /** The repair began and ended, with any outcome; its results are in the database. */
  | { readonly kind: "ended"; readonly outcome: string }
  /** The repair never began: the database was unavailable. */
  | { readonly kind: "not-begun"; readonly code: string };

/** The phase of a repair: docs/architecture.md#repairing-a-slab. `transfer`: it copies, rebuilds and stores. */
export type RepairPhase = "begin" | "plan" | "transfer" | "commit" | "events";

export type WorkerReport =
  | { readonly kind: "ready" }
  | (RepairReport & { readonly id: string })
  | { readonly kind: "phase"; readonly id: string; readonly phase: RepairPhase }
  /** Metrics of a repair. */
  | {
      readonly kind: "metrics";
      readonly values: MetricValues;
      readonly dimensions: Readonly<Record<string, string>>;
    }
  /** This machine is at fault (clock, network, ...): send it no more repairs. */
  | { readonly kind: "unfit"; readonly reason: string };

const PHASE_AFTER: Readonly<Partial<Record<RepairStep, RepairPhase>>> = {
  begun: "plan",
  planned: "transfer",
  stored: "commit",
  committed: "events",
};

/** Undefined: the phase does not change. */
export function phaseAfter(step: RepairStep): RepairPhase | undefined {
  return PHASE_AFTER[step];
}
