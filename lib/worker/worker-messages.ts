/** What a worker's process and its parent tell each other. Ids as text: messages between processes are JSON. */

import type { RepairStep } from "../jobs/repair/repair-dependencies.ts";
import type { MetricValues } from "../telemetry/metric-names.ts";

export interface RepairOrder {
  readonly slabId: string;
  readonly digest: string;
  readonly token: string;
  /** Names this one repair. */
  readonly id: string;
  readonly remainingMs: number;
}

/** Names one repair of a worker process: the process, a slash, the repair. Process ids of several machines may be equal. */
export function repairId(process: string, repair: string): string {
  return `${process}/${repair}`;
}

/** The process of a {@link repairId}. */
export function workerOf(id: string): string {
  return id.split("/", 1)[0]!;
}

/** How a repair ended that a worker was ordered to make. */
export type RepairReport =
  /** However it did; what it wrote is in the database. */
  | { readonly kind: "ended"; readonly outcome: string }
  /** It never began: the database was away. */
  | { readonly kind: "not-begun"; readonly code: string };

/** What a repair is at: docs/architecture.md#repairing-a-slab. `transfer`: it copies, rebuilds and stores. */
export type RepairPhase = "begin" | "plan" | "transfer" | "commit" | "events";

export type WorkerReport =
  | { readonly kind: "ready" }
  | (RepairReport & { readonly id: string })
  | { readonly kind: "phase"; readonly id: string; readonly phase: RepairPhase }
  /** What a repair measured. */
  | {
      readonly kind: "metrics";
      readonly values: MetricValues;
      readonly dimensions: Readonly<Record<string, string>>;
    }
  /** This machine is at fault (clock, network, ...): it is to be given no more. */
  | { readonly kind: "unfit"; readonly reason: string };

const PHASE_AFTER: Readonly<Partial<Record<RepairStep, RepairPhase>>> = {
  begun: "plan",
  planned: "transfer",
  stored: "commit",
  committed: "events",
};

/** Undefined: the phase goes on. */
export function phaseAfter(step: RepairStep): RepairPhase | undefined {
  return PHASE_AFTER[step];
}
