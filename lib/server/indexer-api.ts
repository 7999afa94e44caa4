import type { Ask } from "../database/client/deadline-client.ts";
import type { RepairQueue } from "../queue/repair-queue.ts";
import type { StatusReport } from "../reports/status-schema.ts";
import type { WorkersReport } from "./workers-report.ts";

/** The part of one indexer that the routes use. */
export interface IndexerApi {
  readonly indexer: string;
  readonly ask: Ask;
  /** Shared by simultaneous requests. */
  readonly readStatus: () => Promise<StatusReport>;
  readonly readWorkers: () => Promise<WorkersReport>;
  /** Undefined if no queue is configured. */
  readonly openQueue: () => Promise<RepairQueue | undefined>;
  /** The name that is recorded with maintenance runs and with changes of the mode, as their owner. */
  readonly owner: string;
}
