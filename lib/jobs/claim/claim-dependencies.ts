import type { Clock } from "../../clock/clock.ts";
import type { Ask } from "../../database/client/deadline-client.ts";
import type { RepairQueue } from "../../queue/repair-queue.ts";
import type { WalkStep } from "../backlog/walk.ts";
import type { Paces } from "../backlog/walk-pace.ts";
import type { SendStep } from "../send-leases/send-leases.ts";

/** Points at which kill tests end the process. */
export type ClaimStep = "leased" | SendStep | WalkStep;

export interface ClaimDependencies {
  readonly ask: Ask;
  readonly queue: RepairQueue;
  readonly clock: Clock;
  /** 0 or more, below 1. */
  readonly random?: () => number;
  /** The walk's paces, kept from round to round. */
  readonly paces?: Paces;
  readonly step?: (name: ClaimStep) => void | Promise<void>;
  readonly signal?: AbortSignal;
}
